package keyring

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The form of a wrapped key in the database: a mark, the version of the form, the length of the root's id in one byte,
// the id, and what the root made. Older databases have what a local root made, without anything in front. It begins with
// 24 random bytes, so that one in 2^64 of them begins with the mark.
const (
	wrappedMark    = "latchkey"
	wrappedVersion = 1
	// maxWrapped is the longest wrapped key in bytes; a signing key wrapped by a KMS has some 500.
	maxWrapped = 16 << 10
)

// idPattern is what ids of root keys look like: a kind and a name, as in local:1f3a9c0b7d2e4f56.
var idPattern = regexp.MustCompile(`^[a-z][a-z0-9-]*:[A-Za-z0-9:/_.@+=,-]+$`)

// maxRootID is the longest id of a root key, because its length is kept in one byte.
const maxRootID = 255

// errNewerForm: a newer version of latchkey wrapped the key.
var errNewerForm = errors.New("it was wrapped by a newer version of latchkey: run that version")

// errDamaged: the wrapped bytes have the mark, and not the form.
var errDamaged = errors.New("its wrapped form is damaged")

func validRootID(id string) bool { return len(id) <= maxRootID && idPattern.MatchString(id) }

// kindOf returns the part of a root's id before the colon.
func kindOf(id string) string {
	kind, _, _ := strings.Cut(id, ":")
	return kind
}

// joinWrapped puts the id of the root that made body in front of it.
func joinWrapped(id string, body []byte) ([]byte, error) {
	if !validRootID(id) {
		return nil, fmt.Errorf("%q cannot be the id of a root key", id)
	}
	if len(body) == 0 || len(wrappedMark)+2+len(id)+len(body) > maxWrapped {
		return nil, fmt.Errorf("the root key made %d bytes, which cannot be a wrapped key", len(body))
	}
	out := append([]byte(wrappedMark), wrappedVersion, byte(len(id)))
	return append(append(out, id...), body...), nil
}

// splitWrapped returns the id of the root and what it made; an empty id and all of wrapped where nothing is in front.
func splitWrapped(wrapped []byte) (id string, body []byte, err error) {
	rest, marked := strings.CutPrefix(string(wrapped), wrappedMark)
	switch {
	case len(wrapped) > maxWrapped:
		return "", nil, errDamaged
	case !marked:
		return "", wrapped, nil
	case len(rest) < 2:
		return "", nil, errDamaged
	case rest[0] != wrappedVersion:
		return "", nil, errNewerForm
	}
	n := int(rest[1])
	rest = rest[2:]
	if len(rest) <= n || !validRootID(rest[:n]) {
		return "", nil, errDamaged
	}
	return rest[:n], []byte(rest[n:]), nil
}

package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Role returns the role that the rules give to a verified token, and the name of the session that it starts. A token that
// lacks what the rules require, or to which they give no role, is refused.
func (r Rules) Role(t *Token) (role, sessionName string, err error) {
	for _, name := range slices.Sorted(maps.Keys(r.Require)) {
		if !t.has(name, func(value string) bool { return value == r.Require[name] }) {
			return "", "", invalid("it lacks a claim that this account requires, or has another value there")
		}
	}
	i := slices.IndexFunc(r.Roles, func(m Mapping) bool { return m.Claim == "" || t.has(m.Claim, m.matches) })
	if i < 0 {
		return "", "", signin.Refuse(signin.PermissionMissing, "the account that trusts the issuer of this subject token gives its claims no role")
	}
	claim := r.SessionName
	if claim == "" {
		claim = "sub"
	}
	value, there := t.claim(claim)
	var name string
	if !there || value.Kind() != '"' || json.Unmarshal(value, &name) != nil || name == "" || len(name) > maxSubject {
		return "", "", invalid("it lacks the claim that names its session, which must be a string of 1 to 255 characters")
	}
	return r.Roles[i].Role, SessionName(name), nil
}

func (m Mapping) matches(value string) bool {
	if prefix, ok := strings.CutSuffix(m.Value, "*"); ok {
		return strings.HasPrefix(value, prefix)
	}
	return value == m.Value
}

// claim returns a claim by its name, or by a JSON pointer that leads from object to object.
func (t *Token) claim(name string) (jsontext.Value, bool) {
	if v, ok := t.claims[name]; ok || !strings.HasPrefix(name, "/") {
		return v, ok
	}
	members := t.claims
	steps := strings.Split(name[1:], "/")
	for i, step := range steps {
		v, ok := members[unescapePointer.Replace(step)]
		if !ok || i == len(steps)-1 {
			return v, ok
		}
		members = nil
		if v.Kind() != '{' || json.Unmarshal(v, &members) != nil {
			return nil, false
		}
	}
	return nil, false
}

var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

// has tells whether a claim, or an entry of its list, matches. Numbers and booleans are compared as they are written.
func (t *Token) has(name string, matches func(string) bool) bool {
	v, ok := t.claim(name)
	if !ok {
		return false
	}
	if v.Kind() != '[' {
		value, ok := scalar(v)
		return ok && matches(value)
	}
	var entries []jsontext.Value
	if json.Unmarshal(v, &entries) != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e jsontext.Value) bool {
		value, ok := scalar(e)
		return ok && matches(value)
	})
}

func scalar(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case '"':
		var s string
		err := json.Unmarshal(v, &s)
		return s, err == nil
	case '0', 't', 'f':
		return string(v), true
	}
	return "", false
}

var (
	notInName = regexp.MustCompile(`[^A-Za-z0-9_+=,.@-]`)
	// marked is how a name ends that was changed.
	marked = regexp.MustCompile(`-[0-9a-f]{16}$`)
)

// SessionName returns a role session name (STS AssumeRole, RoleSessionName: 2–64 of letters, digits and _+=,.@-) for what a
// claim says. A value that cannot be one is changed and ends in the beginning of its SHA-256, so that no two values have the
// same name: neither by chance, nor because somebody chose theirs after another's.
func SessionName(value string) string {
	if signin.ValidPersonName(value) && !marked.MatchString(value) {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	name := notInName.ReplaceAllString(value, "_")
	return name[:min(len(name), 64-17)] + "-" + hex.EncodeToString(sum[:8])
}

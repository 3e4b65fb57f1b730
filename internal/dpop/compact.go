package dpop

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxHeader is the most bytes of a DPoP header; real ones have 450 to 600.
	maxHeader = 4 << 10
	// maxOpening is the most opening braces and brackets of a JSON part, which bounds its depth; real ones have 2.
	maxOpening = 32
)

// encoding is base64url without padding whose unused bits are zero (RFC 7515 section 2). Its decoder skips line
// breaks, so decode refuses them first.
var encoding = base64.RawURLEncoding.Strict()

// compact is a JWS in compact serialization (RFC 7515 section 7.1), taken apart.
type compact struct {
	signed    []byte // what the signature covers: the first two parts and their dot, as sent
	header    []byte // decoded
	claims    []byte // decoded
	signature []byte // decoded, 62 to 64 bytes
}

// split takes a header value apart and checks everything that can be seen without reading JSON.
func split(value string) (compact, error) {
	if len(value) > maxHeader {
		return compact{}, invalid("the header is longer than 4096 bytes")
	}
	first, last := strings.IndexByte(value, '.'), strings.LastIndexByte(value, '.')
	if first < 0 || first == last || strings.IndexByte(value[first+1:last], '.') >= 0 {
		return compact{}, invalid("the header is not a JWS of three parts with dots between them")
	}
	// One allocation holds the value as bytes and, behind it, the decoded parts.
	room := make([]byte, len(value)+encoding.DecodedLen(len(value)))
	raw, room := room[:copy(room, value)], room[len(value):]
	var c compact
	var ok [3]bool
	c.signed = raw[:last]
	c.header, room, ok[0] = decode(room, raw[:first])
	c.claims, room, ok[1] = decode(room, raw[first+1:last])
	c.signature, _, ok[2] = decode(room, raw[last+1:])
	if ok != [3]bool{true, true, true} {
		return compact{}, invalid("a part is not base64url without padding")
	}
	if n := len(c.signature); n < minSignature || n > maxSignature {
		return compact{}, invalid("the signature is not the 64 bytes of r and s; an ASN.1 (DER) signature is not accepted")
	}
	if deep(c.header) || deep(c.claims) {
		return compact{}, invalid("the JSON is nested too deeply")
	}
	return c, nil
}

// decode decodes one part into room, which is large enough, and returns what is left of it.
func decode(room, part []byte) (decoded, rest []byte, ok bool) {
	if bytes.IndexByte(part, '\n') >= 0 || bytes.IndexByte(part, '\r') >= 0 {
		return nil, room, false
	}
	n, err := encoding.Decode(room, part)
	return room[:n:n], room[n:], err == nil
}

// deep tells whether doc could be nested so deeply that reading it costs much. It counts inside strings too, where no
// client has braces.
func deep(doc []byte) bool {
	return bytes.Count(doc, []byte{'{'})+bytes.Count(doc, []byte{'['}) > maxOpening
}

// unreadable says why package json did not read the part. It refuses what readers could understand in different ways:
// duplicate members, invalid UTF-8 and data after the value. Its error may quote the caller, so it goes nowhere.
func unreadable(part string, err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return invalid("the " + part + " has a member twice")
	}
	if _, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return invalid("the " + part + " is not one JSON object in UTF-8")
	}
	return invalid("the " + part + " is not an object or has a member of another JSON type than RFC 9449 gives it")
}

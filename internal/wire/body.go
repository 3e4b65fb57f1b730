package wire

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// The content types that bodies have.
const (
	jsonBody = "application/json"
	formBody = "application/x-www-form-urlencoded"
)

// maxFormMembers is how many members a form may have.
const maxFormMembers = 64

// maxDepth is how deep a value that is passed over may nest.
const maxDepth = 16

// readTyped returns the media type of the body, in lower case, and all of it.
func readTyped(c *Call) (kind string, body []byte, err error) {
	kind, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || len(c.Header["Content-Type"]) > 1 {
		return "", nil, refuseContentType()
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", nil, refuseContentType()
	}
	body, err = readBody(c)
	return kind, body, err
}

func refuseContentType() error {
	return signin.Refuse(signin.ContentTypeUnsupported, "Content-Type must be application/json or application/x-www-form-urlencoded, in UTF-8")
}

// readBody reads the whole body, up to MaxTokenBody.
func readBody(c *Call) ([]byte, error) {
	tooLarge := func() error {
		return signin.Refuse(signin.BodyTooLarge, "the body is longer than %d bytes", MaxTokenBody)
	}
	if c.ContentLength > MaxTokenBody {
		return nil, tooLarge()
	}
	if encoding := c.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, signin.Refuse(signin.ContentTypeUnsupported, "Content-Encoding is not supported: send the body as it is")
	}
	// With a declared length there is one allocation and no growing.
	size := max(c.ContentLength, 0)
	body := make([]byte, 0, size+1)
	for {
		n, err := c.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > MaxTokenBody:
			return nil, tooLarge()
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, signin.RefuseBecause(err, signin.BodyMalformed, "the body could not be read to its end")
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

func malformed(what string) error {
	return signin.Refuse(signin.BodyMalformed, "the body is not %s", what)
}

// eachJSONMember calls read for each member of body, which must be one object and nothing else, with the decoder in front of
// the member's value. The decoder refuses a name that is there twice.
func eachJSONMember(body []byte, read func(dec *jsontext.Decoder, name string) error) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	if k, err := dec.ReadToken(); err != nil || k.Kind() != '{' {
		return malformed("one JSON object")
	}
	for dec.PeekKind() == '"' {
		key, err := dec.ReadToken()
		if err != nil {
			return malformed("valid JSON, or has a member twice")
		}
		if err := read(dec, key.String()); err != nil {
			return err
		}
	}
	if k, err := dec.ReadToken(); err != nil || k.Kind() != '}' {
		return malformed("valid JSON, or has a member twice")
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return malformed("one JSON object: something follows it")
	}
	return nil
}

func skipValue(dec *jsontext.Decoder) error {
	depth := dec.StackDepth()
	for {
		if _, err := dec.ReadToken(); err != nil {
			return malformed("valid JSON, or has a member twice")
		}
		switch now := dec.StackDepth(); {
		case now <= depth:
			return nil
		case now > depth+maxDepth:
			return malformed("valid here: it nests too deep")
		}
	}
}

// eachFormMember calls set for each member of body that is known. What is passed over must not be there twice either.
func eachFormMember(body []byte, known func(name string) bool, set func(name, value string) error) error {
	var names []string // few: a form has a handful of members
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := unescapeForm(name)
		if err != nil {
			return err
		}
		if value, err = unescapeForm(value); err != nil {
			return err
		}
		ours := known(name)
		if slices.Contains(names, name) {
			if !ours {
				name = "a member" // else its name is the caller's text
			}
			return signin.Refuse(signin.BodyMalformed, "%s is there twice", name)
		}
		if names = append(names, name); len(names) > maxFormMembers {
			return malformed("a form with a sensible number of members")
		}
		if ours {
			if err := set(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

package wire

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// MaxTokenBody is the longest body of a token request in bytes.
const MaxTokenBody = 64 << 10

// ShortTokenBody is as long as a real body gets, also when every character of a form is escaped.
const ShortTokenBody = 16 << 10

// Spelling is how the members of a request are spelled; its answer is spelled alike.
type Spelling int

// The three spellings of CreateOAuth2Token.
const (
	CamelJSON Spelling = iota // AWS SDKs
	SnakeJSON                 // the newest page of the API reference
	SnakeForm                 // OAuth clients (RFC 6749 section 4.1.3)
)

// TokenRequest is the body of CreateOAuth2Token. Members that were absent are empty.
type TokenRequest struct {
	Spelling     Spelling
	ClientID     string
	GrantType    string
	Code         string
	RedirectURI  string
	CodeVerifier string
	RefreshToken string
	Resource     string
	// Body is what came, for signatures and retransmissions.
	Body []byte
}

// member is one member of a token request: its two spellings, its longest value in characters, and where it goes.
type member struct {
	camel, snake string
	max          int
	field        func(*TokenRequest) *string
}

// The lengths are those of the service model (CreateOAuth2Token).
var members = []member{
	{"clientId", "client_id", 2048, func(t *TokenRequest) *string { return &t.ClientID }},
	{"grantType", "grant_type", 256, func(t *TokenRequest) *string { return &t.GrantType }},
	{"code", "code", 512, func(t *TokenRequest) *string { return &t.Code }},
	{"redirectUri", "redirect_uri", 2048, func(t *TokenRequest) *string { return &t.RedirectURI }},
	{"codeVerifier", "code_verifier", 128, func(t *TokenRequest) *string { return &t.CodeVerifier }},
	{"refreshToken", "refresh_token", 2048, func(t *TokenRequest) *string { return &t.RefreshToken }},
	{"resource", "resource", 2048, func(t *TokenRequest) *string { return &t.Resource }},
}

// Name returns how the member called snake is spelled by the caller, for messages.
func (s Spelling) Name(snake string) string {
	if s == CamelJSON {
		for i := range members {
			if members[i].snake == snake {
				return members[i].camel
			}
		}
	}
	return snake
}

// DecodeToken reads the body of a token request. It is strict: no member twice, in whatever spelling, nothing after the
// value, no other encoding than UTF-8, no value longer than documented. Members that it does not know are passed over.
func DecodeToken(c *Call) (TokenRequest, error) {
	kind, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || len(c.Header["Content-Type"]) > 1 {
		return TokenRequest{}, refuseContentType()
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return TokenRequest{}, refuseContentType()
	}
	body, err := readBody(c)
	if err != nil {
		return TokenRequest{}, err
	}
	t := TokenRequest{Body: body}
	switch kind {
	case "application/json":
		err = t.decodeJSON()
	case "application/x-www-form-urlencoded":
		err = t.decodeForm()
	default:
		err = refuseContentType()
	}
	return t, err
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

// memberCalled returns the member that name spells, in either spelling, or nil.
func memberCalled(name string) *member {
	for i := range members {
		if m := &members[i]; name == m.camel || name == m.snake {
			return m
		}
	}
	return nil
}

// set stores the value of m, which the caller called name.
func (t *TokenRequest) set(m *member, name, value string) error {
	if len(value) > m.max && utf8.RuneCountInString(value) > m.max {
		return signin.Refuse(signin.ParameterInvalid, "%s is longer than %d characters", name, m.max)
	}
	*m.field(t) = value
	return nil
}

// maxFormMembers is how many members a form may have.
const maxFormMembers = 64

// maxDepth is how deep a value that is passed over may nest.
const maxDepth = 16

// decodeJSON reads one object. The decoder refuses a name that is there twice; that a member is not there in both of its
// spellings follows from the object having one spelling only.
func (t *TokenRequest) decodeJSON() error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(t.Body))
	if k, err := dec.ReadToken(); err != nil || k.Kind() != '{' {
		return malformed("one JSON object")
	}
	var camel, snake bool
	for dec.PeekKind() == '"' {
		key, err := dec.ReadToken()
		if err != nil {
			return malformed("valid JSON, or has a member twice")
		}
		name := key.String()
		m := memberCalled(name)
		if m != nil && m.camel != m.snake {
			camel, snake = camel || name == m.camel, snake || name == m.snake
		}
		if camel && snake {
			return signin.Refuse(signin.ParameterInvalid, "members are spelled in two ways, like clientId and like client_id: use one")
		}
		if err := t.readValue(dec, m, name); err != nil {
			return err
		}
	}
	if k, err := dec.ReadToken(); err != nil || k.Kind() != '}' {
		return malformed("valid JSON, or has a member twice")
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return malformed("one JSON object: something follows it")
	}
	if snake {
		t.Spelling = SnakeJSON
	}
	return nil
}

// readValue reads the value of m, which is nil for a member that is passed over.
func (t *TokenRequest) readValue(dec *jsontext.Decoder, m *member, name string) error {
	if m == nil {
		return skipValue(dec)
	}
	value, err := dec.ReadToken()
	if err != nil {
		return malformed("valid JSON")
	}
	switch value.Kind() {
	case '"':
		return t.set(m, name, value.String())
	case 'n': // null is as good as absent
		return nil
	}
	return signin.Refuse(signin.ParameterInvalid, "%s must be a string", name)
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

func (t *TokenRequest) decodeForm() error {
	t.Spelling = SnakeForm
	var names []string // few: a form has a handful of members
	for pair := range strings.SplitSeq(string(t.Body), "&") {
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
		m := memberCalled(name)
		known := m != nil && name == m.snake
		// What is passed over must not be there twice either; but then its name is the caller's text.
		if slices.Contains(names, name) {
			if !known {
				name = "a member"
			}
			return signin.Refuse(signin.BodyMalformed, "%s is there twice", name)
		}
		if names = append(names, name); len(names) > maxFormMembers {
			return malformed("a form with a sensible number of members")
		}
		if known {
			if err := t.set(m, name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// Method and path of the operation, as proofs name them.
const (
	TokenMethod = http.MethodPost
	TokenPath   = "/v1/token"
)

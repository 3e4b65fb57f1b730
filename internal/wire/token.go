package wire

import (
	"net/http"
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
	kind, body, err := readTyped(c)
	if err != nil {
		return TokenRequest{}, err
	}
	t := TokenRequest{Body: body}
	switch kind {
	case jsonBody:
		err = t.decodeJSON()
	case formBody:
		err = t.decodeForm()
	default:
		err = refuseContentType()
	}
	return t, err
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

// decodeJSON reads one object. That a member is not there in both of its spellings follows from the object having one
// spelling only.
func (t *TokenRequest) decodeJSON() error {
	var camel, snake bool
	err := eachJSONMember(t.Body, func(dec *jsontext.Decoder, name string) error {
		m := memberCalled(name)
		if m == nil {
			return skipValue(dec)
		}
		if m.camel != m.snake {
			camel, snake = camel || name == m.camel, snake || name == m.snake
		}
		if camel && snake {
			return signin.Refuse(signin.ParameterInvalid, "members are spelled in two ways, like clientId and like client_id: use one")
		}
		return t.readValue(dec, m, name)
	})
	if err == nil && snake {
		t.Spelling = SnakeJSON
	}
	return err
}

// readValue reads the value of m.
func (t *TokenRequest) readValue(dec *jsontext.Decoder, m *member, name string) error {
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

func (t *TokenRequest) decodeForm() error {
	t.Spelling = SnakeForm
	known := func(name string) bool {
		m := memberCalled(name)
		return m != nil && name == m.snake
	}
	return eachFormMember(t.Body, known, func(name, value string) error {
		return t.set(memberCalled(name), name, value)
	})
}

// Method and path of the operation, as proofs name them.
const (
	TokenMethod = http.MethodPost
	TokenPath   = "/v1/token"
)

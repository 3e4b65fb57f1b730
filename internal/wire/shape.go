package wire

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// MemberKind is the type of a member's value.
type MemberKind int

// The kinds.
const (
	Text     MemberKind = iota // a string
	Number                     // a whole number
	TextList                   // a list of strings; in JSON only
)

// Member is one member of an operation's request, as the API reference documents it.
type Member struct {
	Name string // as it is spelled
	// Camel is another spelling of it, in JSON only, for operations that are asked in both; empty: there is none.
	Camel string
	Kind  MemberKind
	// Min and Max bound the length of a Text in characters, the value of a Number, or the entries of a TextList. A Max of 0
	// is no bound.
	Min, Max int
	// EachMax bounds the length of each entry of a TextList in characters.
	EachMax int
	// Pattern is what a Text, or each entry of a TextList, must match; nil: anything. Rule says the same for people, to
	// follow "must be ".
	Pattern *regexp.Regexp
	Rule    string
	Needed  bool
}

// Shape is what the request of an operation looks like. Package openapi describes the same to clients.
type Shape struct {
	Operation string // its AWS name
	Members   []Member
	// Form: the body may be a form as well. JSON is always read.
	Form bool
	// AWSJSON: the content types of the AWS JSON protocols, application/x-amz-json-1.0 and -1.1, stand for JSON as well.
	AWSJSON bool
	// Empty: there may be no body, and no Content-Type.
	Empty bool
	// Open: members that are not in the list are passed over, whatever they are called. Otherwise those that belong to
	// another operation, or are spelled as another operation spells them, are refused: the caller means something else.
	Open bool
}

// Values are the members of one request.
type Values struct {
	Body []byte // what came, for signatures

	shape  *Shape
	texts  []string
	counts []int64
	lists  [][]string
	there  []bool
	// camel and snake: a member came whose spellings differ, in that one.
	camel, snake bool
}

// Decode reads the body of a request of that shape. It is as strict as DecodeToken.
func (s *Shape) Decode(c *Call) (Values, error) {
	v := Values{
		shape: s, texts: make([]string, len(s.Members)), counts: make([]int64, len(s.Members)),
		lists: make([][]string, len(s.Members)), there: make([]bool, len(s.Members)),
	}
	if s.Empty && c.ContentLength == 0 {
		return v, v.checkNeeded()
	}
	kind, body, err := readTyped(c)
	if err != nil {
		return v, s.refuseType(err)
	}
	v.Body = body
	switch {
	case kind == jsonBody, s.AWSJSON && (kind == "application/x-amz-json-1.1" || kind == "application/x-amz-json-1.0"):
		err = eachJSONMember(body, v.readJSON)
	case kind == formBody && s.Form:
		err = eachFormMember(body, func(name string) bool { return s.find(name) >= 0 || !s.Open && foreign(name) }, v.setForm)
	default:
		err = s.refuseType(refuseContentType())
	}
	if err != nil {
		return v, err
	}
	return v, v.checkNeeded()
}

// refuseType says what content types the operation has.
func (s *Shape) refuseType(err error) error {
	if signin.KindOf(err) == signin.ContentTypeUnsupported && !s.Form {
		return signin.Refuse(signin.ContentTypeUnsupported, "Content-Type must be application/json, in UTF-8, without Content-Encoding")
	}
	return err
}

func (s *Shape) find(name string) int {
	return slices.IndexFunc(s.Members, func(m Member) bool { return m.Name == name })
}

// findJSON is find for either spelling.
func (s *Shape) findJSON(name string) int {
	return slices.IndexFunc(s.Members, func(m Member) bool { return m.Name == name || m.Camel == name && name != "" })
}

// spelled notes how the i-th member came to be spelled, which must be alike for all: then none is there in both.
func (v *Values) spelled(i int, name string) error {
	if m := &v.shape.Members[i]; m.Camel != "" {
		v.camel, v.snake = v.camel || name == m.Camel, v.snake || name == m.Name
	}
	if v.camel && v.snake {
		return signin.Refuse(signin.ParameterInvalid, "members are spelled in two ways, like clientId and like client_id: use one")
	}
	return nil
}

func (v *Values) readJSON(dec *jsontext.Decoder, name string) error {
	i := v.shape.findJSON(name)
	if i < 0 {
		if err := v.shape.refuseForeign(name); err != nil {
			return err
		}
		return skipValue(dec)
	}
	if err := v.spelled(i, name); err != nil {
		return err
	}
	m := &v.shape.Members[i]
	if m.Kind == TextList {
		return v.readList(dec, i)
	}
	token, err := dec.ReadToken()
	if err != nil {
		return malformed("valid JSON")
	}
	switch kind := token.Kind(); {
	case kind == 'n': // null is as good as absent
		return nil
	case kind == '"' && m.Kind == Text:
		return v.setText(i, token.String())
	case kind == '0' && m.Kind == Number:
		n, err := strconv.ParseInt(token.String(), 10, 64) // no fraction, no exponent
		if err != nil {
			return signin.Refuse(signin.ParameterInvalid, "%s must be a whole number", m.Name)
		}
		return v.setNumber(i, n)
	}
	return signin.Refuse(signin.ParameterInvalid, "%s must be %s", m.Name, map[MemberKind]string{Text: "a string", Number: "a whole number"}[m.Kind])
}

// readList reads a list of strings.
func (v *Values) readList(dec *jsontext.Decoder, i int) error {
	m := &v.shape.Members[i]
	refuse := signin.Refuse(signin.ParameterInvalid, "%s must be a list of strings", m.Name)
	token, err := dec.ReadToken()
	switch {
	case err != nil:
		return malformed("valid JSON")
	case token.Kind() == 'n':
		return nil
	case token.Kind() != '[':
		return refuse
	}
	list := []string{}
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return malformed("valid JSON")
		}
		if token.Kind() == ']' {
			break
		}
		if token.Kind() != '"' {
			return refuse
		}
		entry := token.String()
		if m.EachMax > 0 && utf8.RuneCountInString(entry) > m.EachMax || entry == "" {
			return signin.Refuse(signin.ParameterInvalid, "each entry of %s must have 1 to %d characters", m.Name, m.EachMax)
		}
		if m.Pattern != nil && !m.Pattern.MatchString(entry) {
			return signin.Refuse(signin.ParameterInvalid, "each entry of %s must be %s", m.Name, m.Rule)
		}
		if list = append(list, entry); m.Max > 0 && len(list) > m.Max {
			return signin.Refuse(signin.ParameterInvalid, "%s must have %d to %d entries", m.Name, m.Min, m.Max)
		}
	}
	if len(list) < m.Min {
		return signin.Refuse(signin.ParameterInvalid, "%s must have %d to %d entries", m.Name, m.Min, m.Max)
	}
	v.lists[i], v.there[i] = list, true
	return nil
}

func (v *Values) setForm(name, value string) error {
	i := v.shape.find(name)
	if i < 0 {
		return v.shape.refuseForeign(name)
	}
	switch m := &v.shape.Members[i]; m.Kind {
	case Text:
		if value == "" { // RFC 6749 section 3.2: as if it were left out
			return nil
		}
		return v.setText(i, value)
	case Number:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || strings.HasPrefix(value, "+") {
			return signin.Refuse(signin.ParameterInvalid, "%s must be a whole number", m.Name)
		}
		return v.setNumber(i, n)
	default:
		return signin.Refuse(signin.ParameterInvalid, "%s is a list, which a form cannot hold: send JSON", m.Name)
	}
}

func (v *Values) setText(i int, value string) error {
	m := &v.shape.Members[i]
	if n := utf8.RuneCountInString(value); n < m.Min || m.Max > 0 && n > m.Max {
		if m.Min == m.Max {
			return signin.Refuse(signin.ParameterInvalid, "%s must have %d characters", m.Name, m.Max)
		}
		return signin.Refuse(signin.ParameterInvalid, "%s must have %d to %d characters", m.Name, m.Min, m.Max)
	}
	if m.Pattern != nil && !m.Pattern.MatchString(value) {
		return signin.Refuse(signin.ParameterInvalid, "%s must be %s", m.Name, m.Rule)
	}
	v.texts[i], v.there[i] = value, true
	return nil
}

func (v *Values) setNumber(i int, n int64) error {
	m := &v.shape.Members[i]
	if n < int64(m.Min) || m.Max > 0 && n > int64(m.Max) {
		return signin.Refuse(signin.ParameterInvalid, "%s must be %d to %d", m.Name, m.Min, m.Max)
	}
	v.counts[i], v.there[i] = n, true
	return nil
}

func (v *Values) checkNeeded() error {
	for i, m := range v.shape.Members {
		if m.Needed && !v.there[i] {
			return signin.Refuse(signin.ParameterMissing, "%s is missing", m.Name)
		}
	}
	return nil
}

// Text returns the value of a Text, empty when it was absent.
func (v *Values) Text(name string) string { return v.texts[v.shape.find(name)] }

// Number returns the value of a Number, and whether it was there.
func (v *Values) Number(name string) (int64, bool) {
	i := v.shape.find(name)
	return v.counts[i], v.there[i]
}

// List returns the entries of a TextList, and whether it was there.
func (v *Values) List(name string) ([]string, bool) {
	i := v.shape.find(name)
	return v.lists[i], v.there[i]
}

// foreignNames are the members of the OAuth operations, in both spellings, and those of the control plane.
var foreignNames = []string{
	"client_id", "clientId", "grant_type", "grantType", "code", "redirect_uri", "redirectUri", "code_verifier", "codeVerifier",
	"refresh_token", "refreshToken", "resource", "duration", "duration_seconds", "durationSeconds", "subject_token", "subjectToken", "subject_token_type", "subjectTokenType",
	"actor_token", "actor_token_type", "audience", "requested_token_type", "scope", "token", "token_type_hint", "tokenTypeHint",

	"clientToken", "consoleSourceVpce", "excludedPrincipal", "requestedRegion", "signinSourceVpce", "sourceIp", "sourceVpc", "vpcSourceIp",
	"statementId", "maxResults", "nextToken", "targetId", "identityCenterInstanceArn",
}

func foreign(name string) bool { return slices.Contains(foreignNames, name) }

// refuseForeign refuses a member that another operation has, or that is spelled otherwise here.
func (s *Shape) refuseForeign(name string) error {
	if s.Open {
		return nil
	}
	for _, m := range s.Members {
		if strings.EqualFold(strings.ReplaceAll(m.Name, "_", ""), strings.ReplaceAll(name, "_", "")) {
			return signin.Refuse(signin.ParameterInvalid, "the member %s is spelled otherwise: names are compared letter by letter", m.Name)
		}
	}
	if foreign(name) {
		return signin.Refuse(signin.ParameterInvalid, "%s is not a member of %s", name, s.Operation)
	}
	return nil
}

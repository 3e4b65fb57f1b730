package server_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// described is the part of /openapi.json that this test reads.
type described struct {
	OpenAPI    string
	Servers    []struct{ URL string }
	Paths      map[string]map[string]json.RawMessage
	Components struct{ Schemas map[string]schema }
}

type schema struct {
	Type                 string
	Properties           map[string]schema
	Required             []string
	MinLength, MaxLength *int
	Minimum, Maximum     *int
	MinItems, MaxItems   *int
	Pattern              string
	Enum                 []string
	Const                *string
	Items                *schema
}

// operation says how a request schema of the description is sent.
type operation struct {
	path string
	form bool           // as a form as well
	body map[string]any // what is right, but for the member that is tried
	// fill is what members must look like beyond their length: a text that is good, or "" for one that only the server gives.
	fill map[string]string
	// beside is what else must be there with a member.
	beside map[string]map[string]any
}

// redemption is what a code comes with. Its members are looked at only together, and by the name that spell gives them.
func redemption(spell func(camel, snake string) string) map[string]any {
	return map[string]any{spell("grantType", "grant_type"): "authorization_code", "code": "c", spell("redirectUri", "redirect_uri"): "http://127.0.0.1:1/",
		spell("codeVerifier", "code_verifier"): strings.Repeat("v", 43)}
}

func camel(c, _ string) string { return c }
func snake(_, s string) string { return s }

// described operations, by their request schema. Every one in the description must be here.
var operations = map[string]operation{
	"CreateOAuth2TokenRequestCamel": {path: "/v1/token", body: map[string]any{"clientId": signin.SameDevice, "grantType": "refresh_token"},
		beside: map[string]map[string]any{"codeVerifier": redemption(camel)}},
	"CreateOAuth2TokenRequest": {path: "/v1/token", form: true, body: map[string]any{"client_id": signin.SameDevice, "grant_type": "refresh_token"},
		beside: map[string]map[string]any{"code_verifier": redemption(snake)}},
	"CreateOAuth2TokenWithIAMRequest": {path: "/v1/token?x-amz-client-auth-method=iam", form: true,
		body: map[string]any{"grant_type": "client_credentials", "resource": "https://r.example"}},
	"CreateBearerTokenRequest": {path: "/v1/token?x-amz-token-request-type=bearer", form: true,
		body: map[string]any{"grant_type": "client_credentials", "resource": "https://r.example"}},
	"CreateOAuth2TokenWithTokenExchangeRequest": {path: "/v1/token?x-amz-oauth-token-method=token-exchange", form: true,
		body: map[string]any{"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "a.b.c",
			"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "resource": "https://r.example"}},
	"CreateOAuth2PublicClientRequest": {path: "/v1/register", body: map[string]any{"redirect_uris": []string{"http://127.0.0.1/cb"}}},
	"IntrospectRequest":               {path: "/v1/introspect?x-amz-client-auth-method=iam", form: true, body: map[string]any{"token": "ASOAx"}},
	"RevokeWithIAMRequest":            {path: "/v1/revoke?x-amz-client-auth-method=iam", form: true, body: map[string]any{"token": "ASORx"}},
	"RevokeRequest":                   {path: "/v1/revoke", form: true, body: map[string]any{"token": "ASORx"}},
	"PutResourcePermissionStatementRequest": {path: "/put-resource-permission-statement", body: map[string]any{"sourceIp": "203.0.113.0/24"}, fill: map[string]string{
		"sourceVpc": "vpc-0a1b2c3d", "signinSourceVpce": "vpce-0a1b2c3d", "consoleSourceVpce": "vpce-0a1b2c3d", "requestedRegion": "us-east-1",
		"excludedPrincipal": "arn:aws:iam::111122223333:role/Admin", "sourceIp": "203.0.113.7", "vpcSourceIp": "10.0.0.0/8"},
		beside: map[string]map[string]any{
			"sourceVpc": {"requestedRegion": "us-east-1"}, "signinSourceVpce": {"requestedRegion": "us-east-1"}, "consoleSourceVpce": {"requestedRegion": "us-east-1"},
			"requestedRegion": {"sourceVpc": "vpc-0a1b2c3d"}, "vpcSourceIp": {"sourceVpc": "vpc-0a1b2c3d", "requestedRegion": "us-east-1"},
		}},
	"DeleteResourcePermissionStatementRequest": {path: "/delete-resource-permission-statement", body: map[string]any{"statementId": strings.Repeat("A", 64)},
		fill: map[string]string{"statementId": strings.Repeat("A", 64)}},
	"ListResourcePermissionStatementsRequest": {path: "/list-resource-permission-statements", body: map[string]any{}, fill: map[string]string{"nextToken": ""}},
	"TargetRequest": {path: "/get-console-authorization-configuration", body: map[string]any{}, fill: map[string]string{"targetId": "111122223333"}},
	"CreatePropagationApplicationRequest": {path: "/create-trusted-identity-propagation-application-for-console",
		body: map[string]any{"identityCenterInstanceArn": instance}, fill: map[string]string{"identityCenterInstanceArn": instance}},
	"ListPropagationApplicationsRequest": {path: "/list-trusted-identity-propagation-applications-for-console",
		body: map[string]any{"identityCenterInstanceArn": instance}, fill: map[string]string{"identityCenterInstanceArn": instance, "nextToken": ""}},
}

const instance = "arn:aws:sso:::instance/ssoins-0123456789abcdef"

func description(t *testing.T, s *testkit.Server) described {
	t.Helper()
	var d described
	w := s.Do(httptest.NewRequest("GET", s.Base+"/openapi.json", nil))
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || w.Code != http.StatusOK {
		t.Fatalf("GET /openapi.json = %d, %v", w.Code, err)
	}
	return d
}

// Whoever generates a client from the description gets every operation that there is, and none that there is not.
func TestEveryOperationIsDescribed(t *testing.T) {
	s := testkit.Start(t)
	d := description(t, s)
	if d.OpenAPI != "3.1.0" || len(d.Servers) != 1 || d.Servers[0].URL != s.Base {
		t.Errorf("the description is of %s at %v", d.OpenAPI, d.Servers)
	}
	for path, methods := range everyPath {
		for _, method := range methods {
			_, is := d.Paths[path][strings.ToLower(method)]
			// Pages of people and probes are no operations of the API, and every path of it answers preflights.
			of := strings.HasPrefix(path, "/v1/") && path != signin.ConfirmationPath && path != "/v1/sessions" ||
				strings.HasPrefix(path, "/.well-known/") || strings.Count(path, "-") > 1 || path == "/openapi.json"
			if method != "OPTIONS" && of != is {
				t.Errorf("%s %s is described: %v, want %v", method, path, is, of)
			}
		}
	}
	for path, methods := range d.Paths {
		for method := range methods {
			if !slices.Contains(everyPath[path], strings.ToUpper(method)) {
				t.Errorf("%s %s is described, and not there", method, path)
			}
		}
	}
	for name := range d.Components.Schemas {
		if _, ok := operations[name]; !ok && strings.Contains(name, "Request") {
			t.Errorf("this test does not know how to send %s", name)
		}
	}
}

// trial sends requests, and tells which the decoder took.
type trial struct {
	t      *testing.T
	s      *testkit.Server
	keys   testkit.Credentials
	client *testkit.Client
	name   string
	op     operation
	schema schema
}

// Each documented limit, at its edge and one past it: what the description allows is decoded, and what it does not is
// refused with a message that names the member.
func TestLimitsAreThoseOfTheDescription(t *testing.T) {
	s := testkit.Start(t)
	everything := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	keys := s.AccessKey(t, s.ServiceUser(t, "robot", everything))
	if _, err := policy.Parse(everything); err != nil {
		t.Fatal(err)
	}
	d := description(t, s)
	tried := 0
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		sc, ok := d.Components.Schemas[name]
		if !ok {
			t.Errorf("%s is not described", name)
			continue
		}
		tr := &trial{t, s, keys, s.Client(), name, operations[name], sc}
		for _, member := range slices.Sorted(maps.Keys(sc.Properties)) {
			tried += tr.member(member, sc.Properties[member])
		}
		for _, member := range sc.Required {
			body := maps.Clone(tr.op.body)
			delete(body, member)
			tr.refused(member, body, "without it")
			tried++
		}
	}
	if tried < 120 {
		t.Errorf("only %d limits were tried", tried)
	}
}

// member tries every limit of one member, and returns how many those were.
func (tr *trial) member(name string, sc schema) (tried int) {
	with := func(v any) map[string]any {
		body := maps.Clone(tr.op.body)
		maps.Copy(body, tr.op.beside[name])
		body[name] = v
		return body
	}
	edge := func(ok bool, v any, what string) {
		tried++
		if ok {
			tr.taken(name, with(v), what)
		} else {
			tr.refused(name, with(v), what)
		}
	}
	good, filled := tr.op.fill[name]
	if filled && good != "" {
		edge(true, good, "as it should be")
	}
	if sc.MinLength != nil && *sc.MinLength > 1 {
		if !filled {
			edge(true, strings.Repeat("a", *sc.MinLength), "shortest")
		}
		edge(false, strings.Repeat("a", *sc.MinLength-1), "too short")
	}
	if sc.MaxLength != nil {
		if !filled {
			edge(true, strings.Repeat("a", *sc.MaxLength), "longest")
		}
		edge(false, good+strings.Repeat("a", *sc.MaxLength+1-len(good)), "too long")
	}
	if sc.Minimum != nil {
		edge(true, *sc.Minimum, "least")
		edge(false, *sc.Minimum-1, "too little")
	}
	if sc.Maximum != nil {
		edge(true, *sc.Maximum, "most")
		edge(false, *sc.Maximum+1, "too much")
	}
	if sc.Pattern != "" {
		if !filled {
			good = strings.Repeat("a", 64)
			edge(true, good, "of the pattern")
		}
		if re := regexp.MustCompile(sc.Pattern); !re.MatchString(good) {
			tr.t.Errorf("%s: %s = %q does not match the pattern that is described, %s", tr.name, name, good, sc.Pattern)
		}
		edge(false, strings.Repeat("é", max(len(good), 43)), "not of the pattern")
	}
	for _, v := range sc.Enum {
		edge(true, v, "one of the values")
	}
	if sc.Const != nil {
		edge(true, *sc.Const, "the value")
	}
	if len(sc.Enum) > 0 || sc.Const != nil {
		edge(false, "something_else", "none of the values")
	}
	if sc.Type == "array" {
		tried += tr.list(name, sc, with)
	}
	if sc.Type == "string" && len(sc.Enum) == 0 && sc.Const == nil {
		edge(false, 7, "a number")
	}
	return tried
}

func (tr *trial) list(name string, sc schema, with func(any) map[string]any) (tried int) {
	entry := "http://127.0.0.1/cb"
	if len(sc.Items.Enum) > 0 {
		entry = sc.Items.Enum[0]
		tr.refused(name, with([]string{"something_else"}), "none of the values")
	}
	of := func(n int) []string { return slices.Repeat([]string{entry}, n) }
	tr.taken(name, with(of(*sc.MaxItems)), "most entries")
	tr.refused(name, with(of(*sc.MaxItems+1)), "too many entries")
	tr.refused(name, with(of(0)), "no entries")
	tr.refused(name, with("text"), "a text")
	if sc.Items.MaxLength != nil {
		long := entry + strings.Repeat("a", *sc.Items.MaxLength-len(entry))
		tr.taken(name, with([]string{long}), "the longest entry")
		tr.refused(name, with([]string{long + "a"}), "too long an entry")
	}
	return 7
}

func (tr *trial) taken(member string, body map[string]any, what string) {
	tr.t.Helper()
	for _, a := range tr.send(body) {
		if a.refuses(member) {
			tr.t.Errorf("%s: %s %s: %d %s, want it decoded", tr.name, member, what, a.Code, a.Body)
		}
	}
}

func (tr *trial) refused(member string, body map[string]any, what string) {
	tr.t.Helper()
	for _, a := range tr.send(body) {
		if !a.refuses(member) {
			tr.t.Errorf("%s: %s %s: %d %s, want a refusal that names it", tr.name, member, what, a.Code, a.Body)
		}
	}
}

// sent is what was answered, and how it was logged.
type sent struct {
	*httptest.ResponseRecorder
	outcome string
}

// refuses tells whether the answer is that the member is wrong.
func (a sent) refuses(member string) bool {
	switch a.outcome {
	case "ParameterMissing", "ParameterInvalid", "GrantUnknown", "MetadataInvalid", "RedirectRefused":
		return a.Code == 400 && strings.Contains(a.Body.String(), member)
	}
	return false
}

// send sends body as JSON and, where the operation takes them and the body can be one, as a form.
func (tr *trial) send(body map[string]any) []sent {
	tr.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		tr.t.Fatal(err)
	}
	answers := []sent{tr.do(string(text), "application/json")}
	if values, ok := formOf(body); ok && tr.op.form {
		answers = append(answers, tr.do(values, "application/x-www-form-urlencoded"))
	}
	return answers
}

func formOf(body map[string]any) (string, bool) {
	values := url.Values{}
	for name, v := range body {
		switch v := v.(type) {
		case string:
			if v == "" {
				return "", false // as good as absent in a form
			}
			values.Set(name, v)
		default:
			return "", false
		}
	}
	return values.Encode(), true
}

func (tr *trial) do(body, contentType string) sent {
	r := httptest.NewRequest("POST", tr.s.Base+tr.op.path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	if tr.op.path != "/v1/token" && tr.op.path != "/v1/revoke" && tr.op.path != "/v1/register" && !strings.Contains(tr.op.path, "token-exchange") {
		tr.keys.Sign(r, []byte(body), tr.s.Scope("signin"))
	}
	if tr.op.path == "/v1/token" {
		r.Header.Set("DPoP", tr.client.Proof())
	}
	w := tr.s.Do(r)
	return sent{w, tr.s.Outcome(w)}
}

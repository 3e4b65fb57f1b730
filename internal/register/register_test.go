package register_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/register"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const good = `{"redirect_uris":["http://127.0.0.1:33418/"]}`

// unlimited lets a test register as many clients as it likes.
func unlimited(c *config.Config) { c.Registration.Address = config.Rate{} }

// post sends a registration from an address.
func post(s *testkit.Server, body, from string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/v1/register", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if from != "" {
		r.RemoteAddr = from
	}
	return s.Do(r)
}

type registered struct {
	ClientID      string   `json:"client_id"`
	IssuedAt      int64    `json:"client_id_issued_at"`
	Name          string   `json:"client_name"`
	RedirectURIs  []string `json:"redirect_uris"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
}

func wantRegistered(t *testing.T, w *httptest.ResponseRecorder) registered {
	t.Helper()
	var a registered
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 || !signin.IsRegisteredID(a.ClientID) {
		t.Fatalf("answer is %d %s, want a client", w.Code, w.Body)
	}
	return a
}

// wantRefused checks the plain shape of OAuth, which these clients read: two members, no exception.
func wantRefused(t *testing.T, w *httptest.ResponseRecorder, status int, code, says string) {
	t.Helper()
	var a map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != status || a["error"] != code || !strings.Contains(a["error_description"], says) || len(a) != 2 {
		t.Errorf("answer is %d %s, want %d %s that says %q", w.Code, w.Body, status, code, says)
	}
	if w.Header().Get("X-Amzn-ErrorType") != "" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("header is %v", w.Header())
	}
}

func TestClientRegistersWithWhatItSays(t *testing.T) {
	s := testkit.Start(t)
	w := post(s, `{"redirect_uris":["http://localhost:1/cb","https://claude.ai/api/mcp/auth_callback","cursor://anysphere.cursor-mcp/oauth/callback"],
		"grant_types":["authorization_code"],"response_types":["code"],"token_endpoint_auth_method":"none","client_name":"My Tool",
		"scope":"a b","client_uri":"https://x.example","logo_uri":"https://x.example/l.png","contacts":["a@x.example"],"jwks":{"keys":[{"kty":"EC"}]},
		"application_type":"native","software_id":"1","Redirect_URIs":["x"],"clientName":"y","grantTypes":7,"client_id":"mine","client_secret":"s3cret"}`, "")
	a := wantRegistered(t, w)
	if a.Name != "My Tool" || len(a.RedirectURIs) != 3 || strings.Join(a.GrantTypes, " ") != "authorization_code" || strings.Join(a.ResponseTypes, " ") != "code" || a.AuthMethod != "none" {
		t.Errorf("registered %+v", a)
	}
	if since := time.Since(time.Unix(a.IssuedAt, 0)); since < 0 || since > time.Minute {
		t.Errorf("client_id_issued_at is %v ago", since)
	}
	if !strings.HasPrefix(a.ClientID, "arn:aws:signin:us-east-1::external-client/dcr/") || strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "mine") {
		t.Errorf("answer is %s", w.Body)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("header is %v", w.Header())
	}
	row := stored(t, s, a.ClientID)
	m, err := clients.Registered(row)
	if err != nil || m.ClientID != a.ClientID || m.Name != "My Tool" || !slices.Equal(m.RedirectURIs, a.RedirectURIs) || row.Expires.Sub(row.Created) != 90*24*time.Hour {
		t.Errorf("kept is %+v of %+v, %v", m, row, err)
	}
}

func stored(t *testing.T, s *testkit.Server, id string) store.DynamicClient {
	t.Helper()
	key, ok := signin.ParseDynamicClientID(id)
	if !ok {
		t.Fatalf("%s is no id of a client", id)
	}
	row, err := s.Store.DynamicClientByID(t.Context(), key)
	if err != nil {
		t.Fatalf("DynamicClientByID(%s) = %v", id, err)
	}
	return row
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	s := testkit.Start(t, unlimited)
	for _, body := range []string{good, `{"redirect_uris":["http://127.0.0.1:33418/"],"grant_types":null,"response_types":null,"token_endpoint_auth_method":null,"client_name":null}`} {
		w := post(s, body, "")
		a := wantRegistered(t, w)
		if strings.Join(a.GrantTypes, " ") != "authorization_code refresh_token" || strings.Join(a.ResponseTypes, " ") != "code" || a.AuthMethod != "none" || strings.Contains(w.Body.String(), "client_name") {
			t.Errorf("registered %s", w.Body)
		}
	}
	if one, two := wantRegistered(t, post(s, good, "")), wantRegistered(t, post(s, good, "")); one.ClientID == two.ClientID {
		t.Error("two registrations have one id")
	}
}

// AWS documents 200; RFC 7591 says 201, and some clients take nothing else. They ask as the example of the RFC does.
func TestStatusIsTheRFCsWhereItsFormIsUsed(t *testing.T) {
	s := testkit.Start(t, unlimited)
	for accept, want := range map[string]int{
		"": 200, "*/*": 200, "application/*": 200, "text/html": 200, "application/jsonx": 200,
		"application/json": 201, "application/json, text/event-stream": 201, "text/plain;q=0.5, Application/JSON;q=0.9": 201,
	} {
		if w := post(s, good, "", "Accept", accept); w.Code != want {
			t.Errorf("Accept: %s gives %d, want %d", accept, w.Code, want)
		}
	}
}

// list returns a JSON list of n times the text.
func list(n int, text string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(strconv.Quote(text)+",", n), ",") + "]"
}

// Every limit at its edge, and one past it.
func TestLimitsHoldAtTheirEdges(t *testing.T) {
	s := testkit.Start(t, unlimited)
	uri := func(n int) string { return "http://127.0.0.1/" + strings.Repeat("a", n-len("http://127.0.0.1/")) }
	for _, tt := range []struct {
		name, member, value string
		status              int
		code                string
	}{
		{"one URI", "redirect_uris", list(1, "http://localhost/"), 200, ""},
		{"ten URIs", "redirect_uris", list(10, "http://localhost/"), 200, ""},
		{"eleven URIs", "redirect_uris", list(11, "http://localhost/"), 400, "invalid_client_metadata"},
		{"no URI", "redirect_uris", `[]`, 400, "invalid_client_metadata"},
		{"an empty URI", "redirect_uris", `[""]`, 400, "invalid_client_metadata"},
		{"2048 characters", "redirect_uris", list(10, uri(2048)), 200, ""},
		{"2049 characters", "redirect_uris", list(1, uri(2049)), 400, "invalid_client_metadata"},
		{"the shortest URI", "redirect_uris", list(1, "http://localhost"), 200, ""},
		{"five grant types", "grant_types", list(5, "authorization_code"), 200, ""},
		{"six grant types", "grant_types", list(6, "authorization_code"), 400, "invalid_client_metadata"},
		{"no grant type", "grant_types", `[]`, 400, "invalid_client_metadata"},
		{"five response types", "response_types", list(5, "code"), 200, ""},
		{"six response types", "response_types", list(6, "code"), 400, "invalid_client_metadata"},
		{"no response type", "response_types", `[]`, 400, "invalid_client_metadata"},
	} {
		body := `{"` + tt.member + `":` + tt.value + `}`
		if tt.member != "redirect_uris" {
			body = `{"redirect_uris":["http://localhost/"],"` + tt.member + `":` + tt.value + `}`
		}
		w := post(s, body, "")
		if tt.status == 200 {
			wantRegistered(t, w)
		} else {
			wantRefused(t, w, tt.status, tt.code, tt.member)
		}
	}
}

func TestMetadataThatCannotBeServedIsRefused(t *testing.T) {
	s := testkit.Start(t, unlimited)
	with := func(more string) string { return `{"redirect_uris":["http://localhost/"],` + more + `}` }
	for name, tt := range map[string]struct{ body, code, says string }{
		"nothing":                 {``, "invalid_client_metadata", "JSON object"},
		"a list":                  {`[]`, "invalid_client_metadata", "JSON object"},
		"null":                    {`null`, "invalid_client_metadata", "JSON object"},
		"broken":                  {`{"redirect_uris":["http://localhost/"`, "invalid_client_metadata", "JSON"},
		"something behind it":     {good + "{}", "invalid_client_metadata", "follows"},
		"a member twice":          {with(`"redirect_uris":["https://claude.ai/x"]`), "invalid_client_metadata", "twice"},
		"a stranger twice":        {with(`"x":1,"x":2`), "invalid_client_metadata", "twice"},
		"bytes that are no text":  {with("\"client_name\":\"\xff\""), "invalid_client_metadata", "JSON"},
		"deep nesting":            {with(`"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)), "invalid_client_metadata", "deep"},
		"no redirect_uris":        {`{}`, "invalid_client_metadata", "redirect_uris is missing"},
		"redirectUris":            {`{"redirectUris":["http://localhost/"]}`, "invalid_client_metadata", "redirect_uris is missing"},
		"REDIRECT_URIS":           {`{"REDIRECT_URIS":["http://localhost/"]}`, "invalid_client_metadata", "redirect_uris is missing"},
		"null redirect_uris":      {`{"redirect_uris":null}`, "invalid_client_metadata", "redirect_uris is missing"},
		"one URI without a list":  {`{"redirect_uris":"http://localhost/"}`, "invalid_client_metadata", "list of strings"},
		"a number as URI":         {`{"redirect_uris":[1]}`, "invalid_client_metadata", "list of strings"},
		"null as URI":             {`{"redirect_uris":[null]}`, "invalid_client_metadata", "list of strings"},
		"an object as URI":        {`{"redirect_uris":[{}]}`, "invalid_client_metadata", "list of strings"},
		"refresh_token alone":     {with(`"grant_types":["refresh_token"]`), "invalid_client_metadata", "must hold authorization_code"},
		"client_credentials":      {with(`"grant_types":["client_credentials"]`), "invalid_client_metadata", "grant_types may hold"},
		"client_credentials too":  {with(`"grant_types":["authorization_code","client_credentials"]`), "invalid_client_metadata", "grant_types may hold"},
		"the implicit grant":      {with(`"grant_types":["implicit"]`), "invalid_client_metadata", "grant_types may hold"},
		"a grant in another case": {with(`"grant_types":["Authorization_Code"]`), "invalid_client_metadata", "grant_types may hold"},
		"an empty grant":          {with(`"grant_types":[""]`), "invalid_client_metadata", "grant_types"},
		"a token response":        {with(`"response_types":["token"]`), "invalid_client_metadata", "code only"},
		"code and id_token":       {with(`"response_types":["code","code id_token"]`), "invalid_client_metadata", "code only"},
		"a secret":                {with(`"token_endpoint_auth_method":"client_secret_basic"`), "invalid_client_metadata", "must be none"},
		"a key":                   {with(`"token_endpoint_auth_method":"private_key_jwt"`), "invalid_client_metadata", "must be none"},
		"None":                    {with(`"token_endpoint_auth_method":"None"`), "invalid_client_metadata", "must be none"},
		"a method in a list":      {with(`"token_endpoint_auth_method":["none"]`), "invalid_client_metadata", "must be a string"},
		"a name that is a number": {with(`"client_name":1`), "invalid_client_metadata", "must be a string"},
	} {
		t.Run(name, func(t *testing.T) { wantRefused(t, post(s, tt.body, ""), 400, tt.code, tt.says) })
	}
}

// Attack: register a place of one's own, or one that only looks allowed, and send people there with their codes (CWE-601).
func TestRedirectsThatAreNotInTheListAreRefused(t *testing.T) {
	s := testkit.Start(t, unlimited)
	for i, uri := range []string{
		"https://evil.example/marker", "https://claude.ai.evil.example/marker", "https://claude.ai@evil.example/marker", "https://claude.ai/%2e%2e/marker",
		"javascript:marker", "data:text/html,marker", "file:///marker", "http://evil.example/marker", "http://127.0.0.1@evil.example/marker",
		"http://127.0.0.1/#marker", "intent://marker", "myapp://marker", "vscode:marker", "http://169.254.169.254/marker", "marker", "/marker", "urn:ietf:wg:oauth:2.0:oob:marker",
	} {
		uris := slices.Repeat([]string{"http://localhost/cb"}, i%3)
		quoted, err := json.Marshal(append(uris, uri))
		if err != nil {
			t.Fatal(err)
		}
		w := post(s, `{"redirect_uris":`+string(quoted)+`}`, "")
		wantRefused(t, w, 400, "invalid_redirect_uri", fmt.Sprintf("redirect_uris[%d]", i%3))
		if strings.Contains(w.Body.String(), "marker") || strings.Contains(w.Body.String(), "evil") {
			t.Errorf("the answer repeats a stranger's text: %s", w.Body)
		}
	}
}

func TestOnlyJSONIsRead(t *testing.T) {
	s := testkit.Start(t, unlimited)
	for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain", "text/html", "multipart/form-data; boundary=x", "application/json; charset=latin1", ""} {
		wantRefused(t, post(s, good, "", "Content-Type", kind), 415, "invalid_request", "application/json")
	}
	wantRefused(t, post(s, good, "", "Content-Encoding", "gzip"), 415, "invalid_request", "")
	wantRefused(t, post(s, `{"redirect_uris":["http://localhost/"],"x":"`+strings.Repeat("a", 1<<20)+`"}`, ""), 413, "invalid_request", "longer")
	r := httptest.NewRequest("POST", "/v1/register?x-amz-client-auth-method=iam", strings.NewReader(good))
	r.Header.Set("Content-Type", "application/json")
	wantRefused(t, s.Do(r), 400, "invalid_request", "query")
}

// Attack: register clients without end, to fill the disk or to hide one among them (CWE-770).
func TestMassRegistrationIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) {
			c.Registration.Address = config.Rate{PerSecond: .1, Burst: 3}
			c.Limits.Wait = 0
		})
		for range 3 {
			wantRegistered(t, post(s, good, "192.0.2.7:1"))
		}
		// What is refused for what it says takes no place.
		wantRefused(t, post(s, `{}`, "192.0.2.7:1"), 400, "invalid_client_metadata", "")
		w := post(s, good, "192.0.2.7:2")
		wantRefused(t, w, 429, "rate_exceeded", "Retry-After")
		if w.Header().Get("Retry-After") != "10" {
			t.Errorf("Retry-After is %q, want 10", w.Header().Get("Retry-After"))
		}
		wantRegistered(t, post(s, good, "192.0.2.8:1"))
		// Whoever has one address of a /64 has all of them.
		for i := range 3 {
			wantRegistered(t, post(s, good, fmt.Sprintf("[2001:db8:1:1::%d]:1", i+1)))
		}
		wantRefused(t, post(s, good, "[2001:db8:1:1:ffff::9]:1"), 429, "rate_exceeded", "")
		time.Sleep(10 * time.Second)
		wantRegistered(t, post(s, good, "192.0.2.7:1"))
	})
}

// Attack: the same from many addresses. The database stops growing, and who is registered goes on.
func TestRegistrationsAreBoundedInAll(t *testing.T) {
	s := testkit.Start(t, unlimited, func(c *config.Config) { c.Registration.Most = 3 })
	var ids []string
	for i := range 3 {
		ids = append(ids, wantRegistered(t, post(s, good, fmt.Sprintf("192.0.2.%d:1", i))).ClientID)
	}
	w := post(s, good, "192.0.2.9:1")
	wantRefused(t, w, 503, "service_unavailable", "registration.most")
	if w.Header().Get("Retry-After") != "3600" {
		t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
	}
	key, _ := signin.ParseDynamicClientID(ids[1])
	if err := s.Store.RemoveDynamicClient(t.Context(), key, time.Now(), signin.NoticeExpiry(time.Now())); err != nil {
		t.Fatal(err)
	}
	wantRegistered(t, post(s, good, ""))
	stored(t, s, ids[0])
}

func TestRegistrationCanBeOff(t *testing.T) {
	s := testkit.Start(t)
	id := wantRegistered(t, post(s, good, "")).ClientID
	s.Restart(t, func(c *config.Config) { c.Registration.Enabled = false })
	if w := post(s, good, ""); w.Code != 404 {
		t.Errorf("answer is %d, want 404", w.Code)
	}
	if w := s.Do(httptest.NewRequest("GET", "/.well-known/oauth-authorization-server", nil)); strings.Contains(w.Body.String(), "registration_endpoint") {
		t.Errorf("the metadata says that clients may register: %s", w.Body)
	}
	// Those that did are unknown; they come back when it is on again.
	w := s.Do(httptest.NewRequest("GET", s.Base+"/v1/authorize?client_id="+id, nil))
	if w.Code != 400 || !strings.Contains(w.Body.String(), "not registered here") {
		t.Errorf("answer is %d %s, want 400 for a client that is unknown", w.Code, w.Body)
	}
}

func TestRegistrationIsAnEventOfTheTrail(t *testing.T) {
	s := testkit.Start(t)
	w := post(s, `{"redirect_uris":["http://localhost/"],"client_name":"A name of a stranger"}`, "198.51.100.3:1")
	id := wantRegistered(t, w).ClientID
	s.Server.Close()
	events, err := s.Store.AuditEvents(t.Context(), store.AuditQuery{Limit: 10})
	if err != nil || len(events) != 1 {
		t.Fatalf("events are %+v, %v", events, err)
	}
	e := events[0]
	if e.Kind != "client-registered" || e.Client != id || e.Remote != "198.51.100.3" || e.Request != w.Header()["X-Amzn-RequestId"][0] || strings.Contains(fmt.Sprint(e), "stranger") {
		t.Errorf("event is %+v", e)
	}
}

// Pages of other origins register their clients as programs do.
func TestClientsInBrowsersMayRegister(t *testing.T) {
	s := testkit.Start(t)
	w := post(s, good, "", "Origin", "https://claude.ai")
	wantRegistered(t, w)
	if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("header is %v", w.Header())
	}
}

func FuzzRegister(f *testing.F) {
	s := testkit.Start(f, unlimited)
	for _, body := range []string{
		good, `{"redirect_uris":["https://claude.ai/cb"],"grant_types":["authorization_code","refresh_token"],"client_name":"x","scope":"y"}`,
		`{"redirect_uris":["javascript:x"]}`, `{"redirect_uris":[null]}`, `{"a":{"redirect_uris":[[[]]]}}`, `{"redirect_uris":["http://localhost/"],"client_name":"\u202e"}`,
	} {
		f.Add(body)
	}
	list, err := config.Default().Registration.Redirects()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := post(s, body, "")
		if w.Code != 200 {
			var a map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || len(a) != 2 || w.Code != 400 && w.Code != 413 {
				t.Errorf("%q is answered with %d %s", body, w.Code, w.Body)
			}
			return
		}
		a := wantRegistered(t, w)
		for _, uri := range a.RedirectURIs {
			if err := list.Check(uri); err != nil {
				t.Errorf("%q registers %q: %v", body, uri, err)
			}
		}
		if clients.CleanName(a.Name) != a.Name || !slices.Contains(a.GrantTypes, "authorization_code") || len(a.RedirectURIs) > register.Shape.Members[0].Max {
			t.Errorf("%q registers %+v", body, a)
		}
	})
}

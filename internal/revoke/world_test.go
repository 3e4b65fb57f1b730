package revoke_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	withIAM  = "/v1/revoke?x-amz-client-auth-method=iam"
	plain    = "/v1/revoke"
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
	allowed  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["signin:RevokeOAuth2Token","signin:IntrospectOAuth2Token"],"Resource":"*"}]}`
)

// world is a server, and a service user of the account who may revoke.
type world struct {
	*testkit.Server
	keys testkit.Credentials
}

// brief makes sessions end within half an hour, and access tokens within ten minutes: a node polls all the while.
func brief(c *config.Config) {
	c.Lifetimes.Session, c.Lifetimes.AccessToken = 30*time.Minute, 10*time.Minute
}

func newWorld(t testing.TB, options ...testkit.Option) world {
	t.Helper()
	s := testkit.Start(t, options...)
	return world{s, s.AccessKey(t, s.ServiceUser(t, "watchman", allowed))}
}

// signed revokes token as whoever has keys.
func (w world) signed(t testing.TB, keys testkit.Credentials, token string) *httptest.ResponseRecorder {
	t.Helper()
	return w.Do(w.Request(testkit.SignedCall{Path: withIAM, Body: object(t, "token", token)}, keys))
}

// held is a request of the holder of a token; key makes its proof, nil: it has none.
func (w world) held(contentType, body string, key *ecdsa.PrivateKey) *http.Request {
	r := httptest.NewRequest(http.MethodPost, w.Base+plain, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	if key != nil {
		r.Header.Set("DPoP", w.proof(key))
	}
	return r
}

func (w world) proof(key *ecdsa.PrivateKey) string {
	return testkit.Proof(key, http.MethodPost, w.Base+plain, time.Now(), rand.Text())
}

// object is a JSON object of strings: a name and a value each.
func object(t testing.TB, fields ...string) string {
	t.Helper()
	m := map[string]string{}
	for i := 0; i < len(fields); i += 2 {
		m[fields[i]] = fields[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// form is a form: a name and a value each.
func form(fields ...string) string {
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Add(fields[i], fields[i+1])
	}
	return v.Encode()
}

// wantDone fails the test unless w is the one answer to every revocation.
func wantDone(t testing.TB, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	_, typed := w.Header()["Content-Type"]
	if w.Code != http.StatusOK || w.Body.Len() != 0 || typed || w.Header().Get("Content-Length") != "0" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s = %d %v %q, want 200 and nothing", what, w.Code, w.Header(), w.Body)
	}
}

// active tells whether an introspection calls the token good.
func (w world) active(t testing.TB, token string) bool {
	t.Helper()
	a := w.Do(w.Request(testkit.SignedCall{Path: "/v1/introspect?x-amz-client-auth-method=iam", Body: object(t, "token", token)}, w.keys))
	var told struct{ Active bool }
	if err := json.Unmarshal(a.Body.Bytes(), &told); err != nil || a.Code != http.StatusOK {
		t.Fatalf("introspection = %d %s", a.Code, a.Body)
	}
	return told.Active
}

// works tells whether credentials are taken for anybody's.
func (w world) works(keys testkit.Credentials) bool {
	body := "Action=GetCallerIdentity&Version=2011-06-15"
	r := httptest.NewRequest(http.MethodPost, w.Base+"/", strings.NewReader(body))
	r.Header.Set("Content-Type", formType)
	keys.Sign(r, []byte(body), w.Scope("sts"))
	return w.Do(r).Code == http.StatusOK
}

// notices returns the number of the last notice that was given.
func (w world) notices(t testing.TB) int64 {
	t.Helper()
	n, err := w.Store.LastNotice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// events returns what of that kind the audit trail says of the person, newest first.
func (w world) events(t testing.TB, kind string) []store.AuditEvent {
	t.Helper()
	time.Sleep(5 * time.Second) // until they are kept
	all, err := w.Store.AuditEvents(t.Context(), store.AuditQuery{Person: w.Person.ID, Kind: kind, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// stranger adds an account, with a service user that may do all there, and returns an access key.
func (w world) stranger(t testing.TB) testkit.Credentials {
	t.Helper()
	now := time.Now()
	u := store.ServiceUser{ID: signin.NewUniqueID(signin.PrefixPerson), Account: "444455556666", Name: "stranger", Policy: allowed, Created: now}
	for _, err := range []error{
		w.Store.AddAccount(t.Context(), store.Account{ID: u.Account, Name: "Other", Created: now}), w.Store.AddServiceUser(t.Context(), u),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w.AccessKey(t, u)
}

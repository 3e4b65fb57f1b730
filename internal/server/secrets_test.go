package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

// decodePart returns the first part of a JWS.
func decodePart(t *testing.T, token string) string {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// secrets are what nobody may find in a log, a metric or an error.
type secrets struct{ known map[string]string }

func (k *secrets) add(what, value string) {
	if k.known == nil {
		k.known = map[string]string{}
	}
	if len(value) < 8 {
		panic("too short to look for: " + what)
	}
	k.known[value] = what
}

// addAnswer adds what a token answer gives.
func (k *secrets) addAnswer(a testkit.Answer) {
	k.add("secret access key", a.AccessToken.SecretAccessKey)
	k.add("session token", a.AccessToken.SessionToken)
	k.add("refresh token", a.RefreshToken)
	if a.IDToken != "" {
		k.add("id token", a.IDToken)
		k.add("signature of an id token", a.IDToken[strings.LastIndex(a.IDToken, ".")+1:])
	}
}

// in reports every secret that text holds, as it is or escaped.
func (k *secrets) in(t *testing.T, where, text string) {
	t.Helper()
	for value, what := range k.known {
		for _, form := range []string{value, url.QueryEscape(value), base64.StdEncoding.EncodeToString([]byte(value)), value[:len(value)/2], value[len(value)/2:]} {
			if len(form) >= 8 && strings.Contains(text, form) {
				t.Errorf("%s holds a %s (%q):\n%s", where, what, form, excerpt(text, form))
				break
			}
		}
	}
}

func excerpt(text, part string) string {
	i := strings.Index(text, part)
	return text[max(0, i-200):min(len(text), i+len(part)+100)]
}

// A person signs in and refreshes, and everything goes wrong that can go wrong, each time with real secrets in the
// request. None of them may be found by whoever reads logs, metrics or error answers.
func TestNoSecretIsToldToAnybodyElse(t *testing.T) {
	s := testkit.StartWithPages(t, debug)
	var k secrets
	k.add("password", testkit.Password)
	c := s.Client()
	k.add("verifier", c.Verifier)

	// The browser's half, with a wrong password first.
	b := s.Browser()
	wrong := "wr0ng-passw0rd-of-somebody"
	k.add("wrong password", wrong)
	page := b.Get("/v1/authorize?" + c.AuthorizeQuery().Encode())
	failed := b.Submit(page, "/sign-in", "username", testkit.Person, "password", wrong)
	k.in(t, "the answer to a wrong password", failed.Body.String())
	// People type their password where the name belongs.
	k.in(t, "the answer to no name", b.Submit(page, "/sign-in", "username", "nobody-here", "password", wrong).Body.String())
	code := b.Approve(t, c)
	k.add("code", code)
	cookies := b.Cookies()
	k.add("cookie", cookies["latchkey"])
	k.add("device's cookie", cookies["latchkey-device"])
	proof := c.Proof()
	k.add("proof", proof)
	login := c.Post(t, c.CodeBody(code), proof)
	if login.Status != http.StatusOK {
		t.Fatalf("login = %d %s", login.Status, login.Body)
	}
	k.addAnswer(login)
	refresh := c.Refresh(t, login.RefreshToken)
	k.addAnswer(refresh)
	keys := testkit.Credentials{
		AccessKeyID: login.AccessToken.AccessKeyID, SecretAccessKey: login.AccessToken.SecretAccessKey, SessionToken: login.AccessToken.SessionToken,
	}
	app := s.Confidential(t, "app")
	k.add("long-lived secret", app.Credentials.SecretAccessKey)

	replay := c.Redeem(t, code) // from here on, the session is revoked
	k.in(t, "the answer to a replay", replay.Body)
	for name, r := range wrongRequests(t, s, c, app, keys, code, login.RefreshToken) {
		w := s.Do(r)
		if w.Code < 400 {
			t.Errorf("%s = %d %s, want a refusal", name, w.Code, w.Body)
		}
		k.in(t, "the answer to "+name, w.Body.String()+fmt.Sprint(w.Header()))
	}
	s.TakeStoreAway(t)
	for name, r := range map[string]*http.Request{
		"a login without a database":   app.SignedRequest(t, app.CodeBody(code)),
		"a caller without a database":  signedIdentity(s, app.Credentials),
		"a browser without a database": httptest.NewRequest("GET", s.Base+"/v1/authorize?"+c.AuthorizeQuery().Encode()+"&code="+code, nil),
	} {
		r.AddCookie(&http.Cookie{Name: "latchkey", Value: cookies["latchkey"]})
		k.in(t, "the answer to "+name, s.Do(r).Body.String())
	}
	k.in(t, "the log", s.Log())
	k.in(t, "the metrics", s.Metrics(t))
	if n := strings.Count(s.Log(), `"msg":"request"`); n < 20 {
		t.Errorf("the log has %d records; is it the log of this test?", n)
	}
}

func signedIdentity(s *testkit.Server, keys testkit.Credentials) *http.Request {
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	r := httptest.NewRequest(http.MethodPost, s.Base+"/", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	keys.Sign(r, []byte(form), s.Scope("sts"))
	return r
}

// wrongRequests are requests that are refused, and hold secrets in every place that a request has.
func wrongRequests(t *testing.T, s *testkit.Server, c *testkit.Client, app *testkit.Confidential, keys testkit.Credentials, code, token string) map[string]*http.Request {
	t.Helper()
	post := func(contentType, body, proof string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, s.Base+"/v1/token", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		if proof != "" {
			r.Header.Set("DPoP", proof)
		}
		return r
	}
	text := func(body map[string]string) string {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	all := map[string]*http.Request{
		"a code that was spent":                     post(jsonType, text(c.CodeBody(code)), c.Proof()),
		"a session that was revoked":                post(jsonType, text(c.RefreshBody(token)), c.Proof()),
		"a token of another key":                    post(jsonType, text(c.RefreshBody(token)), s.Client().Proof()),
		"no proof":                                  post(jsonType, text(c.RefreshBody(token)), ""),
		"a token as a proof":                        post(jsonType, text(c.RefreshBody(token)), token),
		"a token as a code":                         post(jsonType, text(c.CodeBody(token)), c.Proof()),
		"a code as a token":                         post(jsonType, text(c.RefreshBody(code)), c.Proof()),
		"a code as a client":                        post(jsonType, `{"grantType":"refresh_token","clientId":"`+code+`"}`, c.Proof()),
		"a code as a grant":                         post(jsonType, `{"grantType":"`+code+`","clientId":"x"}`, c.Proof()),
		"a code as a member":                        post(jsonType, `{"`+code+`":"a","`+code+`":"b"}`, c.Proof()),
		"a token that is too long":                  post(jsonType, text(c.RefreshBody(strings.Repeat(token, 10))), c.Proof()),
		"a verifier that is wrong":                  post(jsonType, strings.ReplaceAll(text(c.CodeBody(code)), c.Verifier, c.Verifier+" "), c.Proof()),
		"broken JSON":                               post(jsonType, text(c.CodeBody(code))[1:], c.Proof()),
		"a broken form":                             post(formType, "code="+code+"&refresh_token="+token+"&x=%zz", c.Proof()),
		"another content type":                      post(code, text(c.CodeBody(code)), c.Proof()),
		"a wrong secret":                            signedIdentity(s, testkit.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: "x", SessionToken: keys.SessionToken}),
		"a secret as a key id":                      signedIdentity(s, testkit.Credentials{AccessKeyID: strings.NewReplacer("/", "A", "+", "B").Replace(keys.SecretAccessKey), SecretAccessKey: "x"}),
		"credentials of a session that was revoked": signedIdentity(s, keys),
		"a confidential client's unsigned request":  post(jsonType, text(app.RefreshBody(token)), ""),
		"another's token, signed":                   app.SignedRequest(t, app.RefreshBody(token)),
		"a code in the path":                        httptest.NewRequest("GET", s.Base+"/"+code, nil),
		"a code in the query":                       post(jsonType, "{}", ""),
		"a code as a method":                        httptest.NewRequest("GET", s.Base+"/v1/token", nil),
		"a code as a client of a page":              httptest.NewRequest("GET", s.Base+"/v1/authorize?client_id="+code+"&redirect_uri="+token, nil),
		"a code as a host":                          httptest.NewRequest("GET", s.Base+"/v1/authorize", nil),
		"a code as an action":                       httptest.NewRequest("GET", s.Base+"/?Action="+code+"&Version="+token, nil),
	}
	all["a code in the query"].URL.RawQuery = "code=" + code
	all["a code as a method"].Method = strings.ToUpper(code)
	all["a code as a host"].Host = code + ".example"
	return all
}

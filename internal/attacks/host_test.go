package attacks

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// strangeHeaders say that the request came in another way than it did.
var strangeHeaders = map[string]string{
	"X-Forwarded-Host": "evil.example", "X-Forwarded-Server": "evil.example", "X-Forwarded-Proto": "gopher", "X-Forwarded-Scheme": "gopher",
	"X-Forwarded-Port": "1", "X-Forwarded-Prefix": "/evil", "X-Forwarded-For": "203.0.113.66", "X-Real-Ip": "203.0.113.66", "X-Client-Ip": "203.0.113.66",
	"True-Client-Ip": "203.0.113.66", "Cf-Connecting-Ip": "203.0.113.66", "Forwarded": `for=203.0.113.66;host="evil.example";proto=gopher`,
	"X-Original-Host": "evil.example", "X-Host": "evil.example", "X-Original-Url": "/evil", "X-Rewrite-Url": "/evil", "Front-End-Https": "on",
	"X-Forwarded-User": "alice", "X-Remote-User": "alice", "X-Auth-Request-User": "alice", "Remote-User": "alice", "X_Forwarded_User": "alice",
}

// Class: trust in Host and forwarded headers, CWE-290 and CWE-644. Mallory writes a header that only a proxy should write,
// and the server takes its name, its scheme, the caller's address or even the person from it. Zitadel wrote the host of a
// forwarded header into links that reset passwords (CVE-2025-64101), an address that cannot be parsed made authentik skip
// the password (CVE-2024-47070), oauth2-proxy let a user's name through in a header with underscores (CVE-2025-64484).
//
// Here the configuration says what the server is called; one header is read, X-Forwarded-For, from configured proxies only.
func TestHeadersOfProxiesAreNotBelieved(t *testing.T) {
	for _, trusting := range []bool{false, true} {
		s := testkit.StartWithPages(t, public, keepLog, func(c *config.Config) {
			if trusting {
				c.TrustedProxies = []string{"10.0.0.1"}
			}
		})
		c := s.Client()
		for _, target := range []string{authorizePath(c), authorizePath(c, "scope", "x"), "/", "/.well-known/openid-configuration", "/v1/sessions/confirmation?error=access_denied", "/nothing"} {
			plain := get(s, target)
			r := httptest.NewRequest(http.MethodGet, s.Base+target, nil)
			for name, value := range strangeHeaders {
				r.Header[name] = []string{value}
			}
			w := s.Do(r)
			told := w.Body.String() + strings.Join(headerLines(w), "\n")
			if w.Code != plain.Code || strings.Contains(told, "evil") || strings.Contains(told, "gopher") || strings.Contains(told, "203.0.113.66") || strings.Contains(told, "alice") {
				t.Errorf("GET %s with headers of a proxy = %d, without %d; it tells:\n%s", target, w.Code, plain.Code, told)
			}
		}
		if strings.Contains(s.Log(), "203.0.113.66") {
			t.Errorf("the log names the address that the caller wrote (trusting %v)", trusting)
		}
		// Pages are shown under the server's own names only. (DNS rebinding; also an absolute-form target, which sets Host.)
		for _, host := range []string{"evil.example", "evil.example:443", "signin.example.com.evil.example", "signin.example.com:8443", "signin.example.com@evil.example",
			"signin.example.com.", "", "signin.example.com\x00", "[::1]", "signin.example.com evil.example", "127.0.0.1"} {
			for _, target := range []string{authorizePath(c), "/sign-in", "/consent", "/"} {
				r := httptest.NewRequest(http.MethodGet, s.Base+target, nil)
				if strings.HasPrefix(target, "/sign-in") || target == "/consent" {
					r.Method = http.MethodPost
				}
				r.Host = host
				if w := s.Do(r); w.Code != http.StatusBadRequest || len(w.Header()["Set-Cookie"]) > 0 || strings.Contains(w.Body.String(), "<form") || w.Header().Get("Location") != "" {
					t.Errorf("%s %s under Host %q = %d %v, want 400 and no page", r.Method, target, host, w.Code, w.Header())
				}
			}
		}
		// A proof is for the configured name, whatever the request says.
		b := s.Browser()
		token := mustRedeem(t, c, b.Approve(t, c)).RefreshToken
		for _, at := range []string{"https://evil.example", "http://evil.example", "https://signin.example.com.evil.example"} {
			r := tokenRequest(s, jsonType, text(t, c.RefreshBody(token)), testkit.Proof(c.Key, "POST", at+wire.TokenPath, time.Now(), "jti-of-"+at))
			r.Host = strings.TrimPrefix(strings.TrimPrefix(at, "https://"), "http://")
			r.Header.Set("X-Forwarded-Host", r.Host)
			c.Send(t, r).WantFault(t, signin.ProofInvalid)
		}
		// A signature for another host is that host's.
		app := s.Confidential(t, "app")
		r := httptest.NewRequest(http.MethodPost, "https://evil.example/v1/token", strings.NewReader(text(t, app.RefreshBody(token))))
		r.Header.Set("Content-Type", jsonType)
		app.Credentials.Sign(r, []byte(text(t, app.RefreshBody(token))), s.Scope("signin"))
		r.Header.Set("X-Forwarded-Host", "signin.example.com")
		app.Send(t, r).WantFault(t, signin.SignatureInvalid)
	}
}

func headerLines(w *httptest.ResponseRecorder) []string {
	var lines []string
	for name, values := range w.Header() {
		lines = append(lines, name+": "+strings.Join(values, ", "))
	}
	return lines
}

// Class: path confusion, CWE-436 and CWE-647. A proxy in front has rules for paths, and Mallory writes a path that the proxy
// and the server read differently. Keycloak took a path with a matrix parameter for the one without (CVE-2026-0976),
// oauth2-proxy let a rule for paths match the query (CVE-2025-54576).
//
// Here a path is one of a list, compared by its bytes. What is tolerated is a slash too many, because clients send it, and
// a proxy that does not merge slashes refuses it or passes it on; nothing is decoded into a path of ours.
func TestPathsHaveOneSpelling(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	code := c.Authorize(t)
	tolerated := []string{"//v1/token", "/v1//token", "/v1/token/", "///v1/token//"}
	for _, path := range []string{
		"/v1/./token", "/v1/x/../token", "/./v1/token", "/../v1/token", "/v1/token/.", "/v1/token/..;/token", "/v1/;/token", "/v1;x/token", "/v1/token;x=1",
		"/v1/token.json", "/v1/token%20", "/v1/token%00", "/v1/token%0a", "/V1/token", "/v1/Token", "/v1/TOKEN", `/v1\token`, "/v1/token%3fx", "/v1/token%23",
		"/v1/%2e/token", "/v1/%2e%2e/v1/token", "/v1/%252e/token", "/v1%252ftoken", "/v1/token%2f..", "/v1/tokens", "/v1/tok", "/v1", "/x/v1/token",
		// These are read as /v1/token by whoever decodes them, and as another path by whoever does not.
		"/v1%2ftoken", "/v1%2Ftoken", "/%761/token", "/v1/%74oken", "%2fv1/token", "/v1/token%2f",
	} {
		u, err := url.ParseRequestURI("http://127.0.0.1:8080" + strings.Replace(path, "%2fv1", "/%2fv1", 1))
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		r := tokenRequest(s, jsonType, text(t, c.CodeBody(code)), c.Proof())
		r.URL, r.RequestURI = u, path
		if w := s.Do(r); w.Code != http.StatusNotFound {
			t.Errorf("POST %s = %d, want 404", path, w.Code)
			code = c.Authorize(t) // if it was redeemed
		}
	}
	// Nor does a header or a parameter choose another path or method.
	for name, value := range map[string]string{
		"X-Http-Method-Override": "POST", "X-Http-Method": "POST", "X-Method-Override": "POST", "X-Original-Method": "POST", "X-Original-Url": wire.TokenPath, "X-Rewrite-Url": wire.TokenPath,
	} {
		r := tokenRequest(s, jsonType, text(t, c.CodeBody(code)), c.Proof())
		r.Header.Set(name, value)
		if r.Method = http.MethodGet; strings.HasSuffix(name, "Url") {
			r.Method, r.URL.Path = http.MethodPost, "/nothing"
		}
		if w := s.Do(r); w.Code != http.StatusMethodNotAllowed && w.Code != http.StatusNotFound {
			t.Errorf("%s %s with %s: %s = %d, want 404 or 405", r.Method, r.URL.Path, name, value, w.Code)
		}
	}
	for query, want := range map[string]signin.Kind{
		"_method=POST": signin.OperationUnknown, "grant_type=refresh_token": signin.OperationUnknown,
		// Other operations, which have other members.
		"x-amz-client-auth-method=iam": signin.ParameterInvalid, "x-amz-oauth-token-method=token-exchange": signin.ParameterInvalid,
	} {
		r := tokenRequest(s, jsonType, text(t, c.CodeBody(code)), c.Proof())
		r.URL.RawQuery = query
		c.Send(t, r).WantFault(t, want)
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "TRACE", "CONNECT", "post", "POST ", "PRI"} {
		r := tokenRequest(s, jsonType, text(t, c.CodeBody(code)), c.Proof())
		if r.Method = method; s.Do(r).Code != http.StatusMethodNotAllowed {
			t.Errorf("%q %s is not refused with 405", method, wire.TokenPath)
		}
	}
	mustRedeem(t, c, code)
	for _, path := range tolerated {
		code := c.Authorize(t)
		r := tokenRequest(s, jsonType, text(t, c.CodeBody(code)), c.Proof())
		if r.URL.Path = path; s.Do(r).Code != http.StatusOK {
			t.Errorf("POST %s is refused, which some clients send", path)
		}
	}
}

// Class: server-side request forgery, CWE-918. Mallory names an address that she cannot reach, and the server fetches it for
// her: Keycloak what request_uri said (CVE-2020-10770), Zitadel what its webhooks named (CVE-2026-27945).
//
// Here no parameter, header or token makes the server connect anywhere. A listener of the test is named in every place that
// can hold an address, and hears nothing. Where the operator lets clients describe themselves at a URL, it is named by every
// spelling of an address inside, and hears nothing either.
func TestNothingMakesTheServerConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				close(heard)
				return
			}
			select {
			case heard <- conn.RemoteAddr().String():
			default:
			}
			conn.Close()
		}
	}()
	there := "http://" + l.Addr().String() + "/latest/meta-data/"
	s := testkit.StartWithPages(t)
	c, app := s.Client(), s.Confidential(t, "app")
	for _, client := range []*testkit.Client{c, app.Client} {
		for _, name := range []string{
			"request_uri", "request", "jwks_uri", "logo_uri", "sector_identifier_uri", "client_uri", "policy_uri", "initiate_login_uri", "resource",
			"login_hint", "id_token_hint", "response_uri", "presentation_definition_uri", "redirect_uri", "client_id", "scope", "state", "iss", "audience",
		} {
			get(s, authorizePath(client, name, there))
		}
	}
	b := signIn(t, s)
	page := b.Get(authorizePath(c, "redirect_uri", there))
	b.Submit(page, "/consent", "decision", "allow", "assignment", there)
	b.Submit(page, "/sign-in", "username", there, "password", there)
	x, y := coordinates(c.Key)
	for _, header := range []string{
		`{"typ":"dpop+jwt","alg":"ES256","jku":"` + there + `","jwk":{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `","x5u":"` + there + `"}}`,
		`{"typ":"dpop+jwt","alg":"ES256","jku":"` + there + `","x5u":"` + there + `","kid":"` + there + `"}`,
	} {
		f := forgery{header, `{"htm":"POST","htu":"` + there + `","iat":` + "1" + `,"jti":"12345678","iss":"` + there + `"}`, es256(c.Key)}
		for _, body := range []string{
			text(t, with(c.CodeBody(there), "redirectUri", there)), text(t, with(c.RefreshBody(there), "resource", there)),
			text(t, map[string]string{"clientId": there, "grantType": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": f.proof(), "client_assertion": f.proof()}),
		} {
			r := tokenRequest(s, jsonType, body, f.proof())
			r.Header.Set("Host", l.Addr().String())
			for _, name := range []string{"Referer", "Origin", "X-Forwarded-Host", "Forwarded", "X-Callback-Url", "Link", "From", "Via", "Destination"} {
				r.Header.Set(name, there)
			}
			s.Do(r)
		}
	}
	for _, target := range []string{"/?Action=" + there, "/?" + there, "/v1/sessions/confirmation?code=" + there, "/" + there, "/v1/register?x=" + there} {
		r := httptest.NewRequest(http.MethodGet, s.Base, nil)
		if r.URL, err = url.Parse(s.Base + target); err != nil {
			t.Fatal(err)
		}
		r.Host = l.Addr().String()
		s.Do(r)
	}
	describing := testkit.Start(t, func(c *config.Config) { c.Registration.MetadataDocuments = true })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, host := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0", "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "user@127.0.0.1", "127.0.0.1#.example.com", `127.0.0.1\.example.com`,
		"169.254.169.254", "[fd00:ec2::254]", "127.0.0.1%00.example.com", "localho%C5%BFt", "127%2e0.0.1", "client.example.com@127.0.0.1",
	} {
		for _, id := range []string{"https://" + host + ":" + port + "/client", "https://" + host + "/client", "http://" + host + ":" + port + "/client"} {
			for _, s := range []*testkit.Server{s, describing} {
				if w := get(s, authorizePath(c, "client_id", id)); w.Code != 400 {
					t.Errorf("client_id=%s is answered with %d %s", id, w.Code, w.Body)
				}
				s.Do(tokenRequest(s, jsonType, text(t, with(c.RefreshBody("x"), "clientId", id)), c.Proof()))
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for addr := range heard {
		t.Errorf("somebody connected from %s", addr)
	}
}

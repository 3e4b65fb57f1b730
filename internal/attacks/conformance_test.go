package attacks

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// The suite of the OpenID Foundation needs a MongoDB, which no registry that this project builds from has, so these are the
// negative cases of its plans as tests of our own, under the names of its modules.
//
// The steps of fapi2-security-profile-final-dpop-negative-tests, at the token endpoint, which is the only one that takes
// proofs here. Its steps about "ath" (missing, incorrect) are for proofs beside an access token, and there is none: the
// credentials are SigV4 keys. Its nonce steps do not apply: no client of the protocol answers use_dpop_nonce.
func TestDPoPNegativeTests(t *testing.T) {
	s := testkit.Start(t)
	c, other := s.Client(), testkit.NewKey()
	token := c.Login(t).RefreshToken
	own := jwk(c.Key, "")
	header := func(members string) string { return "{" + members + "}" }
	claims := func(htm, htu string, iat time.Time, more string) string {
		return fmt.Sprintf(`{%s%s"iat":%d,"jti":%q%s}`, htm, htu, iat.Unix(), rand.Text(), more)
	}
	now := time.Now()
	htm, htu := `"htm":"POST",`, fmt.Sprintf(`"htu":%q,`, s.Base+wire.TokenPath)
	at := func(url string) string { return fmt.Sprintf(`"htu":%q,`, url) }
	good, full := header(`"typ":"dpop+jwt","alg":"ES256","jwk":`+own), claims(htm, htu, now, "")
	broken := forgery{good, full, es256(c.Key)}.proof()
	for _, tt := range []struct {
		step           string
		header, claims string
		proof          string // as it is
		want           signin.Kind
		accepted       bool
	}{
		{step: "not well-formed JWT", proof: strings.Replace(broken, ".", "", 1), want: signin.ProofInvalid},
		{step: "'typ' is missing in header", header: header(`"alg":"ES256","jwk":` + own), want: signin.ProofInvalid},
		{step: "'alg' is missing", header: header(`"typ":"dpop+jwt","jwk":` + own), want: signin.ProofInvalid},
		{step: "'jwk' is missing", header: header(`"typ":"dpop+jwt","alg":"ES256"`), want: signin.ProofInvalid},
		{step: "'jti' is missing", claims: `{` + htm + htu + fmt.Sprintf(`"iat":%d}`, now.Unix()), want: signin.ProofInvalid},
		{step: "'htm' is missing", claims: claims("", htu, now, ""), want: signin.ProofInvalid},
		{step: "'htu' is missing", claims: claims(htm, "", now, ""), want: signin.ProofInvalid},
		{step: "'iat' is missing", claims: `{` + htm + htu + `"jti":"12345678"}`, want: signin.ProofInvalid},
		{step: "invalid 'typ' in header", header: strings.Replace(good, "dpop+jwt", "jwt", 1), want: signin.ProofInvalid},
		{step: "none alg", header: strings.Replace(good, "ES256", "none", 1), want: signin.ProofInvalid},
		{step: "invalid signature", proof: flipped(broken), want: signin.ProofInvalid},
		{step: "jwk header incorrectly containing private key", header: strings.Replace(good, own, jwk(c.Key, `,"d":"`+strings.Repeat("A", 43)+`"`), 1), want: signin.ProofInvalid},
		{step: "incorrect 'htm'", claims: claims(`"htm":"PUT",`, htu, now, ""), want: signin.ProofInvalid},
		{step: "'htu' has a query/fragment", claims: claims(htm, at(s.Base+wire.TokenPath+"?foo=bar#foo"), now, ""), accepted: true},
		{step: "'htu' is a different url", claims: claims(htm, at("https://www.example.com/"), now, ""), want: signin.ProofInvalid},
		{step: "'iat' is one hour in the future", claims: claims(htm, htu, now.Add(time.Hour), ""), want: signin.ProofStale},
		{step: "'iat' is one hour in the past", claims: claims(htm, htu, now.Add(-time.Hour), ""), want: signin.ProofStale},
		{step: "extra claims on header and claims", header: header(`"typ":"dpop+jwt","alg":"ES256","foo":{"bar":[1]},"jwk":` + own), claims: claims(htm, htu, now, `,"foo":"bar"`), accepted: true},
		{step: "a 'htu' that is not normalized", claims: claims(htm, at("HTTP://127.0.0.1:8080//v1//token"), now, ""), accepted: true},
	} {
		t.Run(tt.step, func(t *testing.T) {
			proof := tt.proof
			if proof == "" {
				f := forgery{good, full, es256(c.Key)}
				if tt.header != "" {
					f.header = tt.header
				}
				if f.claims = claims(htm, htu, now, ""); tt.claims != "" {
					f.claims = tt.claims
				}
				proof = f.proof()
			}
			a := c.Post(t, c.RefreshBody(token), proof)
			if tt.accepted {
				if a.Status != http.StatusOK {
					t.Errorf("= %d %s, want 200", a.Status, a.Body)
				}
				return
			}
			a.WantFault(t, tt.want)
		})
	}
	t.Run("signed using RS256", func(t *testing.T) {
		f := rs256(t)
		f.claims = full
		c.Post(t, c.RefreshBody(token), f.proof()).WantFault(t, signin.ProofInvalid)
	})
	t.Run("more than one DPoP in the header", func(t *testing.T) {
		r := tokenRequest(s, jsonType, text(t, c.RefreshBody(token)), c.Proof())
		r.Header["Dpop"] = append(r.Header["Dpop"], c.Proof())
		c.Send(t, r).WantFault(t, signin.ProofInvalid)
	})
	t.Run("all upper case header value", func(t *testing.T) { // the suite means the name
		r := tokenRequest(s, jsonType, text(t, c.RefreshBody(token)), "")
		r.Header.Set("DPOP", c.Proof())
		if a := c.Send(t, r); a.Status != http.StatusOK {
			t.Errorf("= %d %s, want 200", a.Status, a.Body)
		}
	})
	t.Run("DPoP reuse, second use of the same jti", func(t *testing.T) { // with another request; the same one is a retry here
		second := mustRedeem(t, c, c.Authorize(t)).RefreshToken
		proof := c.Proof()
		if a := c.Post(t, c.RefreshBody(token), proof); a.Status != http.StatusOK {
			t.Fatalf("first use = %d %s", a.Status, a.Body)
		}
		c.Post(t, c.RefreshBody(second), proof).WantFault(t, signin.ProofReplayed)
	})
	t.Run("signed with a different key", func(t *testing.T) {
		f := forgery{strings.Replace(good, own, jwk(other, ""), 1), full, es256(other)}
		c.Post(t, c.RefreshBody(token), f.proof()).WantFault(t, signin.ProofKeyMismatch)
	})
	mustRefresh(t, c, token)
}

// flipped is the proof with one bit of its signature changed.
func flipped(proof string) string {
	i := strings.LastIndexByte(proof, '.') + 5
	b := []byte(proof)
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// The other modules of the plans fapi2-security-profile-final-test-plan (sender constraint: DPoP),
// oidcc-basic-certification-test-plan and oidcc-dynamic-certification-test-plan that apply, by name. What does not:
//
//   - …-par-… and …-request-object-…, …-request_uri-…: there are no pushed requests and no request objects, so they must be
//     refused, which the next test asks for; the PKCE modules of the PAR endpoint are asked of /v1/authorize.
//   - …-client-assertion-…, …-mtls-…: clients prove themselves with DPoP or SigV4, not with private_key_jwt or certificates.
//   - …-dpop-jkt-…, …-dpopproof-at-par-endpoint-binding-success, …-dpop-auth-code-binding-success: dpop_jkt is not taken;
//     clients of the protocol have no way to send it, and PKCE binds their code.
//   - …-access-token-type-header-case-sensitivity, oidcc-userinfo-…, oidcc-scope-…, oidcc-claims-…: there is no resource
//     and no userinfo endpoint.
//   - oidcc-registration-…, oidcc-redirect-uri-regfrag, oidcc-server-rotate-keys: clients are registered by an administrator;
//     fragments are refused there (internal/signin), and rotation is proved in internal/keyring.
//   - oidcc-ensure-post-request-succeeds: /v1/authorize is for GET, as at AWS.
//   - oidcc-display-…, oidcc-ui-locales, oidcc-login-hint, oidcc-ensure-request-with-acr-values-succeeds: hints, passed over.
//   - oidcc-idtoken-rs256, oidcc-idtoken-unsigned: id tokens are signed with ES256 or ES384, and always.
//   - …-brazil-…, …-cdr-…, …-australia-…, …-ksa-…, …-grant-management-…: profiles of others.
func TestConformanceModules(t *testing.T) {
	authorizeError := func(t *testing.T, s *testkit.Server, want string, changes ...string) {
		t.Helper()
		to := location(t, get(s, authorizePath(s.Client(), changes...)))
		if to == nil || to.Query().Get("error") != want || to.Query().Has("code") || to.Query().Get("state") != "state-1" {
			t.Errorf("authorize with %v is sent to %v, want error=%s and the state", changes, to, want)
		}
	}
	authorizePage := func(t *testing.T, s *testkit.Server, c *testkit.Client, changes ...string) {
		t.Helper()
		if w := get(s, authorizePath(c, changes...)); w.Code != http.StatusBadRequest || location(t, w) != nil {
			t.Errorf("authorize with %v = %d to %v, want a page of 400", changes, w.Code, location(t, w))
		}
	}
	for name, module := range map[string]func(t *testing.T, s *testkit.Server, c *testkit.Client){
		"fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-before-succeeds": func(t *testing.T, s *testkit.Server, c *testkit.Client) {
			proof := testkit.Proof(c.Key, "POST", s.Base+wire.TokenPath, time.Now().Add(-10*time.Second), rand.Text())
			if a := c.Post(t, c.CodeBody(c.Authorize(t)), proof); a.Status != http.StatusOK {
				t.Errorf("= %d %s, want 200", a.Status, a.Body)
			}
		},
		"fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-after-succeeds": func(t *testing.T, s *testkit.Server, c *testkit.Client) {
			proof := testkit.Proof(c.Key, "POST", s.Base+wire.TokenPath, time.Now().Add(10*time.Second), rand.Text())
			if a := c.Post(t, c.CodeBody(c.Authorize(t)), proof); a.Status != http.StatusOK {
				t.Errorf("= %d %s, want 200", a.Status, a.Body)
			}
		},
		"fapi2-security-profile-final-ensure-client-id-in-token-endpoint": func(t *testing.T, _ *testkit.Server, c *testkit.Client) {
			c.Post(t, without(c.CodeBody(c.Authorize(t)), "clientId"), c.Proof()).WantFault(t, signin.ParameterMissing)
		},
		"fapi2-security-profile-final-ensure-holder-of-key-required": func(t *testing.T, _ *testkit.Server, c *testkit.Client) {
			c.Post(t, c.CodeBody(c.Authorize(t)), "").WantFault(t, signin.ProofMissing)
		},
		"fapi2-security-profile-final-ensure-authorization-code-is-bound-to-client": func(t *testing.T, _ *testkit.Server, c *testkit.Client) {
			c.Post(t, with(c.CodeBody(c.Authorize(t)), "clientId", signin.CrossDevice), c.Proof()).WantFault(t, signin.CodeMismatch)
		},
		"fapi2-security-profile-final-attempt-reuse-authorization-code-after-one-second": func(t *testing.T, _ *testkit.Server, c *testkit.Client) {
			reuse(t, c, time.Second)
		},
		"oidcc-codereuse":           func(t *testing.T, _ *testkit.Server, c *testkit.Client) { reuse(t, c, 0) },
		"oidcc-codereuse-30seconds": func(t *testing.T, _ *testkit.Server, c *testkit.Client) { reuse(t, c, 30*time.Second) },
		"fapi2-security-profile-final-ensure-token-endpoint-fails-with-expired-auth-code": func(t *testing.T, s *testkit.Server, c *testkit.Client) {
			code := c.Authorize(t)
			time.Sleep(s.Config.Lifetimes.Code + time.Second)
			c.Redeem(t, code).WantFault(t, signin.CodeExpired)
		},
		"fapi2-security-profile-final-ensure-pkce-code-verifier-required": func(t *testing.T, _ *testkit.Server, c *testkit.Client) {
			c.Post(t, without(c.CodeBody(c.Authorize(t)), "codeVerifier"), c.Proof()).WantFault(t, signin.ParameterMissing)
		},
		"fapi2-security-profile-final-incorrect-pkce-code-verifier-rejected": func(t *testing.T, _ *testkit.Server, c *testkit.Client) {
			c.Post(t, with(c.CodeBody(c.Authorize(t)), "codeVerifier", strings.Repeat("x", 43)), c.Proof()).WantFault(t, signin.CodeMismatch)
		},
		"fapi2-security-profile-final-par-ensure-pkce-required": func(t *testing.T, s *testkit.Server, _ *testkit.Client) {
			authorizeError(t, s, "invalid_request", "code_challenge", "", "code_challenge_method", "")
		},
		"fapi2-security-profile-final-par-plain-pkce-rejected": func(t *testing.T, s *testkit.Server, _ *testkit.Client) {
			authorizeError(t, s, "invalid_request", "code_challenge_method", "plain")
		},
		"fapi2-security-profile-final-ensure-response-type-code-idtoken-fails": func(t *testing.T, s *testkit.Server, _ *testkit.Client) {
			authorizeError(t, s, "unsupported_response_type", "response_type", "code id_token")
		},
		"fapi2-security-profile-final-ensure-response-type-token-fails": func(t *testing.T, s *testkit.Server, _ *testkit.Client) {
			authorizeError(t, s, "unsupported_response_type", "response_type", "token")
		},
		"oidcc-response-type-missing": func(t *testing.T, s *testkit.Server, _ *testkit.Client) {
			authorizeError(t, s, "invalid_request", "response_type", "")
		},
		"fapi2-security-profile-final-ensure-redirect-uri-in-authorization-request": func(t *testing.T, s *testkit.Server, c *testkit.Client) {
			authorizePage(t, s, c, "redirect_uri", "")
			authorizePage(t, s, s.Confidential(t, "app").Client, "redirect_uri", "")
		},
		"fapi2-security-profile-final-ensure-registered-redirect-uri": func(t *testing.T, s *testkit.Server, _ *testkit.Client) {
			app := s.Confidential(t, "app")
			authorizePage(t, s, app.Client, "redirect_uri", app.Redirect+"/xyz")
		},
		"oidcc-redirect-uri-query-added": func(t *testing.T, s *testkit.Server, _ *testkit.Client) {
			app := s.Confidential(t, "app")
			authorizePage(t, s, app.Client, "redirect_uri", app.Redirect+"?foo=bar")
		},
		"oidcc-redirect-uri-query-OK": func(t *testing.T, s *testkit.Server, _ *testkit.Client) {
			c := withQuery(t, s)
			if to := location(t, get(s, authorizePath(c))); to == nil || to.Query().Get("foo") != "bar" || !to.Query().Has("code") {
				t.Errorf("a registered query leads to %v, want it kept beside the code", to)
			}
		},
		"oidcc-redirect-uri-query-mismatch": func(t *testing.T, s *testkit.Server, _ *testkit.Client) {
			c := withQuery(t, s)
			authorizePage(t, s, c, "redirect_uri", strings.Replace(c.Redirect, "foo=bar", "bar=foo", 1))
		},
		"oidcc-ensure-request-with-unknown-parameter-succeeds": func(t *testing.T, s *testkit.Server, c *testkit.Client) {
			if to := location(t, get(s, authorizePath(c, "extra", "foobar"))); to == nil || !to.Query().Has("code") {
				t.Errorf("is sent to %v, want a code", to)
			}
		},
		"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": func(t *testing.T, _ *testkit.Server, c *testkit.Client) {
			if claims := claimsOf(t, c.Login(t).IDToken); claims["nonce"] != nil {
				t.Errorf("the id token has a nonce that nobody sent: %v", claims)
			}
		},
		"oidcc-idtoken-signature": func(t *testing.T, s *testkit.Server, c *testkit.Client) {
			id := c.Login(t).IDToken
			var set struct {
				Keys []struct{ Kid, Alg, Use string }
			}
			readJSON(t, get(s, "/.well-known/jwks.json"), &set)
			if header := string(bare(t, strings.Split(id, ".")[0])); len(set.Keys) == 0 || !strings.Contains(header, `"kid":"`+set.Keys[0].Kid+`"`) || !strings.Contains(header, `"alg":"`+set.Keys[0].Alg+`"`) {
				t.Errorf("the header is %s, the keys are %+v", header, set)
			}
		},
		"oidcc-refresh-token": func(t *testing.T, s *testkit.Server, c *testkit.Client) {
			token := c.Login(t).RefreshToken
			c.Post(t, with(c.RefreshBody(token), "clientId", signin.CrossDevice), c.Proof()).WantFault(t, signin.RefreshMismatch)
			mustRefresh(t, c, token)
		},
		"fapi2-security-profile-final-check-dpop-proof-nbf-exp": func(t *testing.T, s *testkit.Server, c *testkit.Client) {
			// RFC 9449 gives nbf and exp no meaning in a proof.
			claims := proofClaims(s, fmt.Sprintf(`,"nbf":%d,"exp":%d`, time.Now().Unix(), time.Now().Add(time.Minute).Unix()))
			f := forgery{proofHeader("ES256", jwk(c.Key, ""), ""), claims, es256(c.Key)}
			if a := c.Post(t, c.CodeBody(c.Authorize(t)), f.proof()); a.Status != http.StatusOK {
				t.Errorf("= %d %s, want 200", a.Status, a.Body)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.Start(t)
				module(t, s, s.Client())
			})
		})
	}
	t.Run("fapi2-security-profile-final-user-rejects-authentication", func(t *testing.T) {
		s := testkit.StartWithPages(t)
		b := signIn(t, s)
		to := location(t, b.Submit(b.Get(authorizePath(s.Client())), "/consent", "decision", "deny"))
		if to == nil || to.Query().Get("error") != "access_denied" || to.Query().Get("state") != "state-1" || to.Query().Has("code") {
			t.Errorf("is sent to %v, want error=access_denied and the state", to)
		}
	})
}

// reuse redeems a code twice, and wants the second time refused and the first session ended.
func reuse(t *testing.T, c *testkit.Client, after time.Duration) {
	t.Helper()
	code := c.Authorize(t)
	first := mustRedeem(t, c, code)
	time.Sleep(after)
	c.Redeem(t, code).WantFault(t, signin.CodeSpent)
	c.Refresh(t, first.RefreshToken).WantFault(t, signin.SessionRevoked)
}

// withQuery is a registered client whose redirect URI has a query.
func withQuery(t *testing.T, s *testkit.Server) *testkit.Client {
	t.Helper()
	user := s.ServiceUser(t, "query", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	c := s.Client()
	c.ID, c.Redirect = signin.ConfidentialPrefix+"query", "https://query.example.com/callback?foo=bar"
	err := s.Store.AddClient(t.Context(), signin.Client{ID: c.ID, Class: signin.Confidential, Name: "query", RedirectURIs: []string{c.Redirect}, Principal: user.ID})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A client that asks for more than a code must get it or be told that it does not: OpenID Connect Core wants a request
// object refused that is not read (section 6.1: request_not_supported, section 6.2: request_uri_not_supported), no page
// shown for prompt=none, a fresh sign-in for prompt=login and max_age, and the nonce of the request in the id token. Modules:
// oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported,
// oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported, oidcc-prompt-none-not-logged-in,
// oidcc-prompt-none-logged-in, oidcc-prompt-login, oidcc-max-age-1, oidcc-server (which sends a nonce).
func TestOpenIDRequestsAreMetOrRefused(t *testing.T) {
	s := testkit.StartWithPages(t)
	c := s.Client()
	b := signIn(t, s)
	refusal := func(t *testing.T, w *httptest.ResponseRecorder, codes ...string) {
		t.Helper()
		if to := location(t, w); to == nil || !strings.Contains(strings.Join(codes, " "), to.Query().Get("error")) || to.Query().Get("error") == "" {
			t.Errorf("= %d to %v, want an error of %v for the client", w.Code, to, codes)
		}
	}
	t.Run("request", func(t *testing.T) {
		refusal(t, b.Get(authorizePath(c, "request", "eyJhbGciOiJub25lIn0.e30.")), "request_not_supported")
	})
	t.Run("request_uri", func(t *testing.T) {
		refusal(t, b.Get(authorizePath(c, "request_uri", "https://client.example.org/request.jwt")), "request_uri_not_supported")
	})
	t.Run("prompt=none, not signed in", func(t *testing.T) {
		refusal(t, get(s, authorizePath(c, "prompt", "none")), "login_required", "interaction_required")
	})
	t.Run("prompt=none, signed in", func(t *testing.T) { // consent is always asked for
		refusal(t, b.Get(authorizePath(c, "prompt", "none")), "consent_required", "interaction_required")
	})
	for _, fresh := range [][]string{{"prompt", "login"}, {"max_age", "0"}} {
		t.Run(strings.Join(fresh, "="), func(t *testing.T) {
			w := b.Get(authorizePath(c, fresh...))
			if location(t, w) == nil && !strings.Contains(w.Body.String(), `name="password"`) {
				t.Errorf("whoever is signed in is not asked for a password, nor is the client told: %d", w.Code)
			}
		})
	}
	t.Run("nonce", func(t *testing.T) {
		w := b.Submit(b.Get(authorizePath(c, "nonce", "n-0S6_WzA2Mj")), "/consent", "decision", "allow")
		to := location(t, w)
		if to == nil || to.Query().Has("error") {
			return
		}
		if claims := claimsOf(t, mustRedeem(t, c, to.Query().Get("code")).IDToken); claims["nonce"] != "n-0S6_WzA2Mj" {
			t.Errorf("the id token has the nonce %v, want that of the request, or an error before", claims["nonce"])
		}
	})
}

package token_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// A confidential client signs instead of proving a key: both grants work, and no DPoP header is needed.
func TestConfidentialClientSignsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Confidential(t, "app")
		login := c.Login(t)
		if login.AccessToken.SessionToken == "" || login.RefreshToken == "" || login.IDToken == "" {
			t.Errorf("login = %s", login.Body)
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(login.IDToken, ".")[1])
		if err != nil || !strings.Contains(string(payload), `"aud":"`+c.ID+`"`) {
			t.Errorf("claims = %s, %v, want the client as audience", payload, err)
		}
		time.Sleep(s.Config.Lifetimes.Step)
		refresh := c.Refresh(t, login.RefreshToken)
		if refresh.Status != http.StatusOK || refresh.AccessToken == login.AccessToken || refresh.IDToken != "" {
			t.Errorf("refresh = %d %s, want other credentials and no id token", refresh.Status, refresh.Body)
		}
		if again := c.Refresh(t, refresh.RefreshToken); again.AccessToken != refresh.AccessToken {
			t.Errorf("refresh again in the same step = %d %s, want the same", again.Status, again.Body)
		}
	})
}

// Any other spelling is signed and served alike, and a DPoP header of whatever form is of no interest.
func TestConfidentialClientMaySendFormsAndProofs(t *testing.T) {
	s := testkit.Start(t)
	c := s.Confidential(t, "app")
	body := "grant_type=refresh_token&client_id=" + c.ID + "&refresh_token=" + c.Login(t).RefreshToken
	for _, proof := range []string{"", "not a proof", s.Client().Proof()} {
		r := httptest.NewRequest(http.MethodPost, s.Base+"/v1/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if proof != "" {
			r.Header.Set("DPoP", proof)
		}
		c.Credentials.Sign(r, []byte(body), s.Scope("signin"))
		w := s.Do(r)
		var a map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK || a["access_token"] == nil {
			t.Errorf("with the proof %q: %d %s, want 200 in snake case", proof, w.Code, w.Body)
		}
	}
}

// Attack: be the client without its key. Nothing is consumed by trying, so the client itself goes on.
func TestConfidentialClientMustSignItself(t *testing.T) {
	s := testkit.Start(t)
	app := s.Confidential(t, "app")
	other := s.Confidential(t, "other")
	mute := s.AccessKey(t, s.ServiceUser(t, "mute", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}`))
	disabled := s.AccessKey(t, app.User)
	if err := s.Store.DisableAccessKey(t.Context(), disabled.AccessKeyID); err != nil {
		t.Fatal(err)
	}
	person := s.Client().Login(t).AccessToken
	wrong := app.Credentials
	wrong.SecretAccessKey = strings.Repeat("a", 40)
	for _, tt := range []struct {
		name   string
		keys   testkit.Credentials
		scope  func(*testkit.Scope)
		change func(r *http.Request)
		want   signin.Kind
		reason string
	}{
		{name: "not signed", change: func(r *http.Request) { r.Header.Del("Authorization") }, want: signin.SignatureMissing, reason: "must be signed with SigV4 (service signin)"},
		{name: "a bearer token", change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, want: signin.SignatureMissing, reason: "must be signed"},
		{name: "a wrong secret", keys: wrong, want: signin.SignatureInvalid, reason: "check the secret access key"},
		{name: "an unknown key", keys: testkit.Credentials{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", SecretAccessKey: "x"}, want: signin.SignatureInvalid, reason: "is not valid here"},
		{name: "a disabled key", keys: disabled, want: signin.SignatureInvalid, reason: "is not valid here"},
		{name: "signed long ago", scope: func(s *testkit.Scope) { s.At = s.At.Add(-6 * time.Minute) }, want: signin.SignatureInvalid, reason: "behind this server's time"},
		{name: "signed in the future", scope: func(s *testkit.Scope) { s.At = s.At.Add(6 * time.Minute) }, want: signin.SignatureInvalid, reason: "ahead of this server's time"},
		{name: "signed for STS", scope: func(s *testkit.Scope) { s.Service = "sts" }, want: signin.SignatureInvalid, reason: "signin"},
		{name: "a broken signature", change: func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") }, want: signin.SignatureInvalid, reason: "Authorization header"},
		{name: "an altered header", change: func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") }, want: signin.SignatureInvalid, reason: "no proxy changes"},
		{name: "another service user", keys: other.Credentials, want: signin.SignatureForbidden, reason: "not the principal of this client"},
		{name: "a service user of no client", keys: mute, want: signin.SignatureForbidden, reason: "not the principal of this client"},
		{name: "credentials of a person", keys: testkit.Credentials{AccessKeyID: person.AccessKeyID, SecretAccessKey: person.SecretAccessKey, SessionToken: person.SessionToken},
			want: signin.SignatureForbidden, reason: "not the principal of this client"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, token := app.Authorize(t), app.Login(t).RefreshToken
			for _, body := range []map[string]string{app.CodeBody(code), app.RefreshBody(token)} {
				r := app.SignedRequest(t, body)
				if tt.keys != (testkit.Credentials{}) || tt.scope != nil {
					signer := *app
					if tt.keys != (testkit.Credentials{}) {
						signer.Credentials = tt.keys
					}
					r = resigned(t, s, &signer, body, tt.scope)
				}
				if tt.change != nil {
					tt.change(r)
				}
				a := app.Send(t, r)
				a.WantFault(t, tt.want)
				if a.Status != http.StatusForbidden || a.Type != "AccessDeniedException" || !strings.Contains(a.Message, tt.reason) {
					t.Errorf("%s = %d %s %q, want 403 with %q", body["grantType"], a.Status, a.Type, a.Message, tt.reason)
				}
			}
			if a := app.Redeem(t, code); a.Status != http.StatusOK {
				t.Errorf("the client itself, afterwards = %d %s, want 200", a.Status, a.Body)
			}
		})
	}
}

func resigned(t *testing.T, s *testkit.Server, c *testkit.Confidential, body map[string]string, change func(*testkit.Scope)) *http.Request {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, s.Base+"/v1/token", strings.NewReader(string(b)))
	r.Header.Set("Content-Type", "application/json")
	scope := s.Scope("signin")
	if change != nil {
		change(&scope)
	}
	c.Credentials.Sign(r, b, scope)
	return r
}

// Attack: change a signed request on its way.
func TestSignatureCoversTheBody(t *testing.T) {
	s := testkit.Start(t)
	app := s.Confidential(t, "app")
	first, second := app.Login(t).RefreshToken, app.Login(t).RefreshToken
	signed := app.SignedRequest(t, app.RefreshBody(first))
	b, err := json.Marshal(app.RefreshBody(second))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, s.Base+"/v1/token", strings.NewReader(string(b)))
	r.Header = signed.Header
	app.Send(t, r).WantFault(t, signin.SignatureInvalid)
}

// The principal's policy decides, for this client and no other.
func TestPrincipalNeedsPermissionToExchange(t *testing.T) {
	for name, tt := range map[string]struct {
		document string
		allowed  bool
	}{
		"what the command gives": {policy.ExchangeToken, true},
		"this client": {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:ExchangeToken",
			"Resource":"arn:aws:signin:us-east-1:111122223333:oauth2/confidential-client/app"}}`, true},
		"nothing":        {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:CreateOAuth2Token","Resource":"*"}}`, false},
		"another client": {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:*","Resource":"*confidential-client/other"}}`, false},
		"another region": {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:*","Resource":"arn:aws:signin:eu-west-1:*"}}`, false},
		"public clients": {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*public-client/*"}}`, false},
		"a denial": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","Action":"signin:ExchangeToken","Resource":"*"}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := testkit.Start(t)
			user := s.ServiceUser(t, "principal", tt.document)
			client := signin.Client{
				ID: signin.ConfidentialPrefix + "app", Class: signin.Confidential, Name: "app", RedirectURIs: []string{"https://app.example.com/"}, Principal: user.ID,
			}
			if err := s.Store.AddClient(t.Context(), client); err != nil {
				t.Fatal(err)
			}
			public := s.Client()
			public.ID, public.Redirect = client.ID, client.RedirectURIs[0]
			app := testkit.Confidential{Client: public, User: user, Credentials: s.AccessKey(t, user)}
			a := app.Redeem(t, app.Authorize(t))
			if tt.allowed {
				if a.Status != http.StatusOK {
					t.Errorf("redemption = %d %s, want 200", a.Status, a.Body)
				}
				return
			}
			a.WantFault(t, signin.SignatureForbidden)
			if !strings.Contains(a.Message, "signin:ExchangeToken") {
				t.Errorf("message %q does not name the permission", a.Message)
			}
		})
	}
}

// Signing says who asks; PKCE says that it is whoever began.
func TestConfidentialClientNeedsPKCE(t *testing.T) {
	s := testkit.Start(t)
	app := s.Confidential(t, "app")
	code := app.Authorize(t)
	for name, tt := range map[string]struct {
		verifier string
		want     signin.Kind
	}{
		"none": {"", signin.ParameterMissing}, "another": {strings.Repeat("a", 43), signin.CodeMismatch},
		"the challenge": {app.Challenge(), signin.CodeMismatch}, "a short one": {"a", signin.ParameterInvalid},
	} {
		body := app.CodeBody(code)
		if body["codeVerifier"] = tt.verifier; tt.verifier == "" {
			delete(body, "codeVerifier")
		}
		t.Run(name, func(t *testing.T) { app.Send(t, app.SignedRequest(t, body)).WantFault(t, tt.want) })
	}
	if a := app.Redeem(t, code); a.Status != http.StatusOK {
		t.Errorf("with the right verifier = %d %s, want 200", a.Status, a.Body)
	}
}

// A code is once, also for who signs.
func TestConfidentialClientsCodeIsRedeemedOnce(t *testing.T) {
	s := testkit.Start(t)
	app := s.Confidential(t, "app")
	code := app.Authorize(t)
	first := app.Redeem(t, code)
	app.Redeem(t, code).WantFault(t, signin.CodeSpent)
	app.Refresh(t, first.RefreshToken).WantFault(t, signin.SessionRevoked)
}

// Clients that sign everything they send are not refused for it, whatever they sign with.
func TestPublicClientMaySign(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	robot := s.Confidential(t, "robot")
	token := c.Login(t).RefreshToken
	for _, authorization := range []string{"Bearer x", "AWS4-HMAC-SHA256 broken", "AWS4-HMAC-SHA256 Credential=AKIAAAAAAAAAAAAAAAAA/20261121/us-east-1/signin/aws4_request, SignedHeaders=host, Signature=00", "signed"} {
		r := robot.SignedRequest(t, c.RefreshBody(token))
		if authorization != "signed" {
			r.Header.Set("Authorization", authorization)
		}
		r.Header.Set("DPoP", c.Proof())
		if a := c.Send(t, r); a.Status != http.StatusOK {
			t.Errorf("refresh with Authorization %q = %d %s, want 200", authorization, a.Status, a.Body)
		}
		// It does not replace the proof either.
		r = robot.SignedRequest(t, c.RefreshBody(token))
		c.Send(t, r).WantFault(t, signin.ProofMissing)
	}
}

// Attack: carry what one client was given to another, in every direction and with everything else in order.
func TestClientsCannotUseEachOthersCodesAndTokens(t *testing.T) {
	s := testkit.Start(t)
	devtools, app, other := s.Client(), s.Confidential(t, "app"), s.Confidential(t, "other")
	// One verifier for all, so that only the client differs.
	app.Verifier, other.Verifier = devtools.Verifier, devtools.Verifier
	codes := map[string]string{"devtools": devtools.Authorize(t), "app": app.Authorize(t), "other": other.Authorize(t)}
	redirects := map[string]string{"devtools": devtools.Redirect, "app": app.Redirect, "other": other.Redirect}
	tokens := map[string]string{"devtools": devtools.Login(t).RefreshToken, "app": app.Login(t).RefreshToken, "other": other.Login(t).RefreshToken}
	send := map[string]func(body map[string]string) testkit.Answer{
		"devtools": func(body map[string]string) testkit.Answer {
			body["clientId"] = devtools.ID
			return devtools.Post(t, body, devtools.Proof())
		},
		"app": func(body map[string]string) testkit.Answer {
			body["clientId"] = app.ID
			return app.Send(t, app.SignedRequest(t, body))
		},
		"other": func(body map[string]string) testkit.Answer {
			body["clientId"] = other.ID
			return other.Send(t, other.SignedRequest(t, body))
		},
	}
	for from := range codes {
		for to := range codes {
			if from == to {
				continue
			}
			body := devtools.CodeBody(codes[from])
			body["redirectUri"] = redirects[from]
			send[to](body).WantFault(t, signin.CodeMismatch)
			send[to](devtools.RefreshBody(tokens[from])).WantFault(t, signin.RefreshMismatch)
		}
	}
	for name, code := range codes {
		body := devtools.CodeBody(code)
		body["redirectUri"] = redirects[name]
		if a := send[name](body); a.Status != http.StatusOK {
			t.Errorf("the code of %s, redeemed by itself afterwards = %d %s, want 200", name, a.Status, a.Body)
		}
		if a := send[name](devtools.RefreshBody(tokens[name])); a.Status != http.StatusOK {
			t.Errorf("the refresh token of %s, used by itself afterwards = %d %s, want 200", name, a.Status, a.Body)
		}
	}
}

// Attack: present a session of a confidential client, which is bound to no key, as one of a devtools client, with a proof
// that has no key either.
func TestUnboundSessionIsNoDevtoolsSession(t *testing.T) {
	s := testkit.Start(t)
	app := s.Confidential(t, "app")
	token := app.Login(t).RefreshToken
	c := s.Client()
	for _, id := range []string{signin.SameDevice, signin.CrossDevice} {
		c.ID = id
		c.Post(t, c.RefreshBody(token), "").WantFault(t, signin.ProofMissing)
		c.Post(t, c.RefreshBody(token), c.Proof()).WantFault(t, signin.RefreshMismatch)
	}
}

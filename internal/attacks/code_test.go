package attacks

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Class: code injection and swap, CWE-294. Mallory signs in herself, takes the code from her own redirect and brings it to
// Alice's client, which then works in Mallory's account; or she sees Alice's code on its way and redeems it with a client
// of her own. Keycloak took a code for whoever knew a part of it (CVE-2023-0264); Dex gave the code of one person's
// approval to another who knew the address of the approval page (CVE-2022-39222).
//
// Here a code opens only with the verifier, client and redirect URI of the authorization that it was made for, and what
// does not agree changes nothing, so that the rightful client can still redeem it.
func TestCodeInjectionIsRefused(t *testing.T) {
	s := testkit.Start(t)
	alice, mallory := s.Client(), s.Client()
	remote := s.Client()
	remote.ID, remote.Redirect = signin.CrossDevice, s.Base+signin.ConfirmationPath
	app := s.Confidential(t, "app")
	codes := map[string]string{
		"alice": alice.Authorize(t), "mallory": mallory.Authorize(t), "remote": remote.Authorize(t), "app": app.Authorize(t),
	}
	for _, tt := range []struct {
		name, code string
		by         *testkit.Client
		change     func(body map[string]string)
	}{
		{"Mallory's code in Alice's client", "mallory", alice, nil},
		{"Alice's code in Mallory's client", "alice", mallory, nil},
		{"the code of another device in this one's client", "remote", alice, nil},
		{"this device's code in the client of another", "alice", remote, nil},
		{"a confidential client's code in a public client", "app", alice, nil},
		{"the same, with its verifier", "app", alice, func(b map[string]string) { b["codeVerifier"] = app.Verifier }},
		{"the same, with its redirect URI too", "app", alice, func(b map[string]string) {
			b["codeVerifier"], b["redirectUri"] = app.Verifier, app.Redirect
		}},
		{"with the verifier, to another redirect URI", "alice", mallory, func(b map[string]string) {
			b["codeVerifier"], b["redirectUri"] = alice.Verifier, "http://127.0.0.1:4444/"
		}},
		{"with the verifier, as another client", "alice", mallory, func(b map[string]string) {
			b["codeVerifier"], b["clientId"] = alice.Verifier, signin.CrossDevice
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := tt.by.CodeBody(codes[tt.code])
			if tt.change != nil {
				tt.change(body)
			}
			tt.by.Post(t, body, tt.by.Proof()).WantFault(t, signin.CodeMismatch)
		})
	}
	// A code glued together from two is nobody's.
	half := len(codes["alice"]) / 2
	for _, code := range []string{
		codes["alice"][:half] + codes["mallory"][half:], codes["mallory"][:half] + codes["alice"][half:], codes["alice"] + codes["mallory"],
	} {
		if code = code[:min(len(code), 512)]; code == codes["alice"] {
			t.Fatal("the codes are alike")
		}
		alice.Post(t, alice.CodeBody(code), alice.Proof()).WantFault(t, signin.CodeUnknown)
	}
	mustRedeem(t, alice, codes["alice"])
	mustRedeem(t, mallory, codes["mallory"])
	mustRedeem(t, remote, codes["remote"])
	if a := app.Redeem(t, codes["app"]); a.Status != http.StatusOK {
		t.Errorf("the confidential client's own redemption = %d %s, want 200", a.Status, a.Body)
	}
}

// Class: PKCE downgrade, CWE-287. Mallory has a code but no verifier, so she makes the check go away: she leaves the
// verifier out, or has the authorization begin without a challenge or with one that proves nothing. authentik compared the
// verifier only when one was sent (CVE-2023-48228), and could be led to make a code without a challenge for a client that
// asked with one (CVE-2024-23647).
//
// Here there is no authorization without a challenge of SHA-256 and no redemption without its verifier, for any client.
func TestPKCEDowngradeIsRefused(t *testing.T) {
	s := testkit.Start(t)
	c, app := s.Client(), s.Confidential(t, "app")
	for name, changes := range map[string][]string{
		"no challenge":              {"code_challenge", ""},
		"no method":                 {"code_challenge_method", ""},
		"neither":                   {"code_challenge", "", "code_challenge_method", ""},
		"plain":                     {"code_challenge_method", "plain"},
		"plain, with the verifier":  {"code_challenge_method", "plain", "code_challenge", c.Verifier},
		"no transformation":         {"code_challenge_method", "none"},
		"the method in lower case":  {"code_challenge_method", "s256"},
		"another hash":              {"code_challenge_method", "S512"},
		"two methods":               {"code_challenge_method", "S256 plain"},
		"the hash of nothing":       {"code_challenge", "="},
		"a challenge that is short": {"code_challenge", c.Challenge()[1:]},
		"a challenge with padding":  {"code_challenge", c.Challenge() + "="},
	} {
		for _, client := range []*testkit.Client{c, app.Client} {
			to := location(t, get(s, authorizePath(client, changes...)))
			if to == nil || to.Query().Get("error") != "invalid_request" || to.Query().Has("code") {
				t.Errorf("%s, %s: sent to %v, want error=invalid_request and no code", name, client.ID, to)
			}
		}
	}
	// Two values are none, wherever the good one stands.
	for _, extra := range []string{"&code_challenge_method=plain", "&code_challenge=" + c.Verifier, "&%63ode_challenge_method=plain"} {
		if to := location(t, get(s, authorizePath(c)+extra)); to == nil || to.Query().Has("code") {
			t.Errorf("authorize with %s: sent to %v, want an error", extra, to)
		}
	}
	code := c.Authorize(t)
	for name, tt := range map[string]struct {
		body string
		want signin.Kind
	}{
		"left out":         {text(t, without(c.CodeBody(code), "codeVerifier")), signin.ParameterMissing},
		"empty":            {text(t, with(c.CodeBody(code), "codeVerifier", "")), signin.ParameterMissing},
		"null":             {strings.Replace(text(t, c.CodeBody(code)), `"`+c.Verifier+`"`, "null", 1), signin.ParameterMissing},
		"the challenge":    {text(t, with(c.CodeBody(code), "codeVerifier", c.Challenge())), signin.CodeMismatch},
		"in a list":        {strings.Replace(text(t, c.CodeBody(code)), `"`+c.Verifier+`"`, `["`+c.Verifier+`"]`, 1), signin.ParameterInvalid},
		"in another case":  {text(t, with(c.CodeBody(code), "codeVerifier", strings.ToLower(c.Verifier))), signin.CodeMismatch},
		"with a zero byte": {text(t, with(c.CodeBody(code), "codeVerifier", c.Verifier+"\x00")), signin.ParameterInvalid},
	} {
		t.Run("verifier "+name, func(t *testing.T) {
			c.Send(t, tokenRequest(s, jsonType, tt.body, c.Proof())).WantFault(t, tt.want)
		})
	}
	mustRedeem(t, c, code)

	// RFC 7636 appendix B, through the whole server.
	c.Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	if got, want := c.Challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"; got != want {
		t.Fatalf("challenge of the RFC's verifier = %s, want %s", got, want)
	}
	mustRedeem(t, c, c.Authorize(t))
}

// Class: mix-up of authorization servers, CWE-346. A client that knows two servers begins at Mallory's, which sends the
// browser on to the honest one; the client takes the honest server's code for Mallory's and brings it to her. Camel's
// adapter for Keycloak took what another issuer had signed for its own issuer's (CVE-2026-23552).
//
// Here a registered client, which may know several servers, is told with every answer who gives it (RFC 9207), finds the
// same issuer in the metadata and in the id token, and has a verifier that never leaves it. And what another server made,
// even one of the same name, does not open.
func TestMixUpIsSeenByTheClient(t *testing.T) {
	s := testkit.Start(t, public)
	app := s.Confidential(t, "app")
	for name, target := range map[string]string{"a code": authorizePath(app.Client), "an error": authorizePath(app.Client, "scope", "x")} {
		to := location(t, get(s, target))
		if to == nil || to.Query().Get("iss") != s.Base || len(to.Query()["iss"]) != 1 {
			t.Errorf("%s is sent to %v, want iss=%s", name, to, s.Base)
		}
	}
	// A redirect URI cannot say iss for the server.
	if err := s.Store.AddClient(t.Context(), signin.Client{
		ID: signin.ConfidentialPrefix + "two", Class: signin.Confidential, Name: "two", Principal: app.User.ID,
		RedirectURIs: []string{"https://two.example.com/?tenant=1"},
	}); err != nil {
		t.Fatal(err)
	}
	two := s.Client()
	two.ID, two.Redirect = signin.ConfidentialPrefix+"two", "https://two.example.com/?tenant=1&iss=https://evil.example"
	if w := get(s, authorizePath(two)); location(t, w) != nil || w.Code != http.StatusBadRequest {
		t.Errorf("a redirect URI with an iss of its own = %d to %v, want a page of 400", w.Code, location(t, w))
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		var metadata struct {
			Issuer        string `json:"issuer"`
			Authorization string `json:"authorization_endpoint"`
			Token         string `json:"token_endpoint"`
			SaysWho       bool   `json:"authorization_response_iss_parameter_supported"`
		}
		readJSON(t, get(s, path), &metadata)
		if metadata.Issuer != s.Base || !strings.HasPrefix(metadata.Authorization, s.Base+"/") || !strings.HasPrefix(metadata.Token, s.Base+"/") {
			t.Errorf("%s names %+v, want all of %s", path, metadata, s.Base)
		}
		// RFC 9207 section 2.4: a client should discard an iss that the metadata does not announce.
		if !metadata.SaysWho {
			t.Errorf("%s does not say authorization_response_iss_parameter_supported, though registered clients get iss (RFC 9207 section 3)", path)
		}
	}
	if claims := claimsOf(t, s.Client().Login(t).IDToken); claims["iss"] != s.Base || claims["aud"] != signin.SameDevice {
		t.Errorf("the id token has iss %v and aud %v, want %s and %s", claims["iss"], claims["aud"], s.Base, signin.SameDevice)
	}
	// The other server of the same name: its codes and tokens are not this one's.
	evil := testkit.Start(t, public)
	c, there := s.Client(), evil.Client()
	there.Verifier, there.Key = c.Verifier, c.Key
	c.Redeem(t, there.Authorize(t)).WantFault(t, signin.CodeUnknown)
	c.Refresh(t, there.Login(t).RefreshToken).WantFault(t, signin.RefreshUnknown)
}

// Class: authorization request tampering, CWE-235. Mallory adds a second value of a parameter to Alice's link, and hopes
// that the checker reads one and the user of the value the other. Keycloak let parameters of a broad redirect URI come in
// before its own (CVE-2026-9689).
func TestDoubledParametersAreRefused(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	for name, values := range c.AuthorizeQuery() {
		for _, extra := range []string{
			"&" + name + "=" + url.QueryEscape(values[0]), "&" + name + "=", "&" + name,
			"&%" + strings.ToUpper(hexByte(name[0])) + name[1:] + "=x",
		} {
			w := get(s, authorizePath(c)+extra)
			if to := location(t, w); to != nil && to.Query().Has("code") {
				t.Errorf("authorize with %s gives a code", extra)
			}
			// A client or a redirect URI that is there twice is known to nobody, so no client hears of it.
			if to := location(t, w); (name == "client_id" || name == "redirect_uri") && (to != nil || w.Code != http.StatusBadRequest) {
				t.Errorf("authorize with %s = %d to %v, want a page of 400", extra, w.Code, to)
			}
		}
	}
	for _, extra := range []string{"&x=1&x=2", ";redirect_uri=http://evil.example", "&a=%zz"} {
		if to := location(t, get(s, authorizePath(c)+extra)); to != nil && to.Query().Has("code") {
			t.Errorf("authorize with %s gives a code", extra)
		}
	}
	// What no parameter of ours is called is passed over (RFC 6749 section 3.1).
	r := httptest.NewRequest(http.MethodGet, s.Base+authorizePath(c)+"&x=1", nil)
	if to := location(t, s.Do(r)); to == nil || !to.Query().Has("code") {
		t.Errorf("authorize with a parameter that nobody knows is sent to %v, want a code", to)
	}
}

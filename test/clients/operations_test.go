package clients

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// TestCreateOAuth2Token: the client of the service itself redeems a code and refreshes, when a program adds the proof, and
// STS knows the credentials that it got.
func TestCreateOAuth2Token(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		grant, err := awslogin.Authorize(t.Context(), s.base, awslogin.Options{})
		if err != nil {
			t.Fatal(err)
		}
		proof, err := grant.Proof()
		if err != nil {
			t.Fatal(err)
		}
		var redeemed, refreshed struct{ TokenOutput awslogin.Answer }
		s.do(t, redemption(grant, proof), &redeemed)
		if strings.Count(redeemed.TokenOutput.IDToken, ".") != 2 {
			t.Errorf("idToken = %q, want a JWT", redeemed.TokenOutput.IDToken)
		}
		s.do(t, s.refresh(t, s.session), &refreshed)
		for name, a := range map[string]awslogin.Answer{"code": redeemed.TokenOutput, "refresh": refreshed.TokenOutput} {
			if a.TokenType != "urn:aws:params:oauth:token-type:access_token_sigv4" || a.ExpiresIn < 1 || a.ExpiresIn > 900 || a.RefreshToken == "" {
				t.Errorf("%s: tokenType %s, expiresIn %d, refreshToken of %d bytes", name, a.TokenType, a.ExpiresIn, len(a.RefreshToken))
			}
			signer := keysOf(a)
			s.wantToken(t, call{Operation: "CreateOAuth2TokenWithIAM", Credentials: &signer, Input: forResource(resource)}, 900, s.session.Principal)
		}
	}, "CreateOAuth2Token", "CreateOAuth2TokenWithIAM")
}

// redemption is a call of CreateOAuth2Token for the code of grant.
func redemption(grant *awslogin.Grant, proof string) call {
	return call{Operation: "CreateOAuth2Token", Headers: map[string]string{"DPoP": proof}, Input: input{"tokenInput": input{
		"clientId": grant.ClientID, "grantType": "authorization_code", "code": grant.Code,
		"codeVerifier": grant.Verifier, "redirectUri": grant.RedirectURI,
	}}}
}

// refresh is a call of CreateOAuth2Token for the credentials of now.
func (s *scene) refresh(t *testing.T, session *awslogin.Session) call {
	t.Helper()
	proof, err := session.Proof()
	if err != nil {
		t.Fatal(err)
	}
	return call{Operation: "CreateOAuth2Token", Headers: map[string]string{"DPoP": proof}, Input: input{"tokenInput": input{
		"clientId": session.ClientID, "grantType": "refresh_token", "refreshToken": session.Answer.RefreshToken,
	}}}
}

func forResource(resource string) input {
	return input{"grantType": "client_credentials", "resource": resource}
}

// accessToken is what the operations give that make tokens for resources.
type accessToken struct {
	AccessToken, TokenType, IssuedTokenType string
	ExpiresIn                               int
}

// claims are those of an access token that a resource server goes by.
type claims struct {
	Issuer   string         `json:"iss"`
	Audience string         `json:"aud"`
	Subject  string         `json:"sub"`
	Actor    map[string]any `json:"act"`
	Issued   int            `json:"iat"`
	Expires  int            `json:"exp"`
}

// wantToken makes a call that must give a token for resource and subject that lives for so many seconds at most, and not
// much less.
func (s *scene) wantToken(t *testing.T, c call, most int, subject string) (accessToken, claims) {
	t.Helper()
	var a accessToken
	var body claims
	s.do(t, c, &a)
	if a.TokenType != "Bearer" || a.ExpiresIn > most || a.ExpiresIn < most-int(patience/time.Second) {
		t.Errorf("%s = %s for %d s, want Bearer for %d s", c.Operation, a.TokenType, a.ExpiresIn, most)
	}
	parts := strings.Split(a.AccessToken, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if err != nil || len(parts) != 3 {
		t.Fatalf("%s gave a token of %d parts: %v", c.Operation, len(parts), err)
	}
	if body.Issuer != s.base || body.Audience != resource || body.Subject != subject || body.Expires-body.Issued != a.ExpiresIn {
		t.Errorf("%s: claims %+v, want aud %s, sub %s, for %d s", c.Operation, body, resource, subject, a.ExpiresIn)
	}
	return a, body
}

// TestTokensForCallers: CreateOAuth2TokenWithIAM and CreateBearerToken give tokens for whoever signed. They live for an
// hour, for half a day or for what is asked, but never longer than the credentials of the caller.
func TestTokensForCallers(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		const robot = "arn:aws:iam::" + account + ":user/robot"
		s.wantToken(t, call{Operation: "CreateOAuth2TokenWithIAM", Credentials: &s.robot, Input: forResource(resource)}, 3600, robot)
		s.wantToken(t, call{Operation: "CreateOAuth2TokenWithIAM", Credentials: &s.login, Input: forResource(resource)}, 900, s.session.Principal)
		if !s.has("CreateBearerToken") {
			return
		}
		s.wantToken(t, call{Operation: "CreateBearerToken", Credentials: &s.robot, Input: forResource(resource)}, 43200, robot)
		s.wantToken(t, call{Operation: "CreateBearerToken", Credentials: &s.login, Input: forResource(resource)}, 900, s.session.Principal)
		for _, seconds := range []int{300, 43200} {
			in := forResource(resource)
			in["durationSeconds"] = seconds
			s.wantToken(t, call{Operation: "CreateBearerToken", Credentials: &s.robot, Input: in}, seconds, robot)
		}
	}, "CreateOAuth2TokenWithIAM")
}

// exchange is a call of CreateOAuth2TokenWithTokenExchange with a token of i for carol, changed by claims.
func exchange(t *testing.T, i *issuer, claims map[string]any) call {
	t.Helper()
	return call{Operation: "CreateOAuth2TokenWithTokenExchange", Input: input{
		"grantType": "urn:ietf:params:oauth:grant-type:token-exchange", "resource": resource,
		"subjectToken": i.token(t, audience, "carol", claims), "subjectTokenType": "urn:ietf:params:oauth:token-type:jwt",
	}}
}

// trust makes an issuer whose tokens the account takes for a new role, which may do what policy says.
func (s *scene) trust(t *testing.T, role, policy string) *issuer {
	t.Helper()
	i := startIssuer(t)
	s.admin(t, "", "role", "add", account, role, "--policy", policyFile(t, policy))
	s.admin(t, "", "issuer", "add", account, i.url, "--audience", audience, "--role", role, "--allow-private")
	return i
}

// TestTokenExchange: the token of another issuer buys one for the account's resource, without any signature.
func TestTokenExchange(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		i := s.trust(t, "Partner", mayAll)
		c := exchange(t, i, map[string]any{"act": map[string]any{"sub": "engine"}})
		c.Input["scope"] = "arn:aws:iam::aws:policy/AWSMCPSignInOAuthAccessPolicy"
		a, body := s.wantToken(t, c, 600, "arn:aws:sts::"+account+":assumed-role/Partner/carol")
		if a.IssuedTokenType != "urn:ietf:params:oauth:token-type:access_token" || body.Actor["sub"] != "engine" {
			t.Errorf("issuedTokenType %s, act %v", a.IssuedTokenType, body.Actor)
		}
	}, "CreateOAuth2TokenWithTokenExchange")
}

package clients

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// introspection is what IntrospectOAuth2TokenWithIAM tells.
type introspection struct {
	Active                                                                              bool
	TokenType, ClientID, AccountID, UserID, Sub, Aud, Resource, Iss, Jti, SigninSession string
	Exp, Iat, Nbf                                                                       int64
}

func introspect(signer *keys, token string) call {
	return call{Operation: "IntrospectOAuth2TokenWithIAM", Credentials: signer, Input: input{"token": token}}
}

func revoke(signer *keys, token string) call {
	return call{Operation: "RevokeOAuth2TokenWithIAM", Credentials: signer, Input: input{"token": token}}
}

// TestIntrospection: what the tokens of a client that registered itself, and the refresh token of a login, say.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		dynamic := loginDynamic(t, s.server, resource)
		for name, signer := range s.signers() {
			t.Run(name, func(t *testing.T) {
				access := s.introspect(t, signer, dynamic.AccessToken)
				if access.TokenType != "access_token" || access.Aud != resource || access.Resource != "" || access.ClientID != dynamic.clientID {
					t.Errorf("access token: %+v", access)
				}
				refresh := s.introspect(t, signer, dynamic.RefreshToken)
				if refresh.TokenType != "refresh_token" || refresh.Resource != resource || refresh.Aud != "" || refresh.ClientID != dynamic.clientID {
					t.Errorf("refresh token: %+v", refresh)
				}
				if access.SigninSession == "" || access.SigninSession != refresh.SigninSession || access.Jti == refresh.Jti {
					t.Errorf("the tokens are of the sessions %s and %s, and are %s and %s", access.SigninSession, refresh.SigninSession, access.Jti, refresh.Jti)
				}
				devtools := s.introspect(t, signer, s.session.Answer.RefreshToken)
				if devtools.TokenType != "refresh_token" || devtools.ClientID != awslogin.SameDevice || devtools.SigninSession == access.SigninSession {
					t.Errorf("refresh token of a login: %+v", devtools)
				}
				for what, token := range map[string]string{"altered": alter(dynamic.AccessToken), "made up": "ASORwhatever"} {
					var answer introspection
					if s.do(t, introspect(signer, token), &answer); answer != (introspection{}) {
						t.Errorf("%s token: %+v, want nothing but that it is not active", what, answer)
					}
				}
			})
		}
	}, "IntrospectOAuth2TokenWithIAM")
}

// introspect returns what is told of a token that must be good, and of the person who signed in.
func (s *scene) introspect(t *testing.T, signer *keys, token string) introspection {
	t.Helper()
	var a introspection
	s.do(t, introspect(signer, token), &a)
	now := time.Now().Unix()
	if !a.Active || a.AccountID != account || a.Sub != s.session.Principal || a.UserID == "" || a.Jti == "" || a.Iss == "" {
		t.Errorf("introspection = %+v", a)
	}
	if a.Exp <= now || a.Iat > now+1 || a.Nbf > now+1 {
		t.Errorf("exp %d, iat %d, nbf %d at %d", a.Exp, a.Iat, a.Nbf, now)
	}
	return a
}

// TestRevocation ends a session at the wish of an administrator: neither token is good after it, nor are the credentials of
// a login. To ask again changes nothing.
func TestRevocation(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		for name, signer := range s.signers() {
			t.Run(name, func(t *testing.T) {
				dynamic, other := loginDynamic(t, s.server, resource), login(t, s.server, awslogin.Options{})
				for _, token := range []string{dynamic.RefreshToken, dynamic.RefreshToken, other.Answer.RefreshToken, "ASORwhatever"} {
					var nothing struct{}
					s.do(t, revoke(signer, token), &nothing)
				}
				for what, token := range map[string]string{"access token": dynamic.AccessToken, "refresh token": dynamic.RefreshToken, "login": other.Answer.RefreshToken} {
					var a introspection
					if s.do(t, introspect(signer, token), &a); a.Active {
						t.Errorf("%s is active after the revocation: %+v", what, a)
					}
				}
				if got := dynamic.refresh(t, s.server, resource); got != "invalid_grant" {
					t.Errorf("refresh of the dynamic client = %q, want invalid_grant", got)
				}
				s.wantFault(t, s.refresh(t, other), "401 AccessDeniedException TOKEN_EXPIRED")
				ended := keysOf(other.Answer)
				s.wantFault(t, introspect(&ended, "ASORwhatever"), "401 AccessDeniedException TOKEN_EXPIRED")
			})
		}
		s.introspect(t, &s.robot, s.session.Answer.RefreshToken) // the session of the one who signs is another
	}, "RevokeOAuth2TokenWithIAM")
}

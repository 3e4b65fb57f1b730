package clients

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// noStatement is an id that no statement has.
var noStatement = strings.Repeat("A", 64)

// signedCalls are all operations that must be signed, each with an input that is good.
func (s *scene) signedCalls(signer *keys) []call {
	all := []call{
		{Operation: "CreateOAuth2TokenWithIAM", Input: forResource(resource)},
		{Operation: "CreateBearerToken", Input: forResource(resource)},
		{Operation: "IntrospectOAuth2TokenWithIAM", Input: input{"token": "ASORwhatever"}},
		{Operation: "RevokeOAuth2TokenWithIAM", Input: input{"token": "ASORwhatever"}},
		{Operation: "PutResourcePermissionStatement", Input: input{"sourceIp": "192.0.2.0/24"}},
		{Operation: "DeleteResourcePermissionStatement", Input: input{"statementId": noStatement}},
		{Operation: "ListResourcePermissionStatements"},
		{Operation: "GetResourcePolicy"},
		{Operation: "PutConsoleAuthorizationConfiguration"},
		{Operation: "GetConsoleAuthorizationConfiguration"},
		{Operation: "DeleteConsoleAuthorizationConfiguration"},
	}
	for i := range all {
		all[i].Credentials = signer
	}
	return slices.DeleteFunc(all, func(c call) bool { return !s.has(c.Operation) })
}

// TestCallersWhoAreRefused: at every operation that is signed.
func TestCallersWhoAreRefused(t *testing.T) {
	t.Parallel()
	eachClient(t, "lifetimes: {step: 1s, credentials: 2s}\n", func(t *testing.T, s *scene) {
		nobody := s.serviceUser(t, "nobody", mayNothing)
		disabled := s.serviceUser(t, "former", mayAll)
		s.admin(t, "", "key", "disable", disabled.AccessKeyID)
		foreign, forged, unknown := s.robot, s.login, s.robot
		foreign.SecretAccessKey = alter(foreign.SecretAccessKey)
		forged.SessionToken = alter(forged.SessionToken)
		unknown.AccessKeyID = "AKIA2222333344445555"
		time.Sleep(time.Until(s.session.Received().Add(2100 * time.Millisecond))) // the server's clock is the real one
		for _, tt := range []struct {
			name   string
			signer keys
			want   string
		}{
			{"the secret is another", foreign, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS"},
			{"the session token was altered", forged, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS"},
			{"there is no such key", unknown, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS"},
			{"the key was disabled", disabled, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS"},
			{"the policy denies", nobody, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS"},
			{"the credentials expired", s.login, "401 AccessDeniedException TOKEN_EXPIRED"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				for _, c := range s.signedCalls(&tt.signer) {
					s.wantFault(t, c, tt.want)
				}
			})
		}
	})
}

// TestInputsThatAreRefused: what the client lets through and the server does not, by both kinds of callers.
func TestInputsThatAreRefused(t *testing.T) {
	t.Parallel()
	const invalid = "400 ValidationException INVALID_REQUEST"
	eachClient(t, "", func(t *testing.T, s *scene) {
		dynamic := login(t, s.server, awslogin.Options{}).Answer.RefreshToken
		for name, signer := range s.signers() {
			for _, tt := range []struct {
				operation string
				change    input // of an input that is good
				want      string
			}{
				{"CreateOAuth2TokenWithIAM", input{"grantType": "refresh_token"}, "400 ValidationException unsupported_grant_type"},
				{"CreateOAuth2TokenWithIAM", input{"resource": strings.Repeat("a", 2049)}, invalid},
				{"CreateOAuth2TokenWithIAM", input{"resource": "https://unknown.example.com"}, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS"},
				{"CreateBearerToken", input{"grantType": "refresh_token"}, "400 ValidationException unsupported_grant_type"},
				{"CreateBearerToken", input{"durationSeconds": 43201}, invalid},
				{"CreateBearerToken", input{"resource": "https://unknown.example.com"}, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS"},
				{"IntrospectOAuth2TokenWithIAM", input{"tokenTypeHint": "id_token"}, invalid},
				{"IntrospectOAuth2TokenWithIAM", input{"token": strings.Repeat("A", 4097)}, invalid},
				{"RevokeOAuth2TokenWithIAM", input{"token": strings.Repeat("A", 4097)}, invalid},
				{"RevokeOAuth2TokenWithIAM", input{"token": "ASOA" + strings.TrimPrefix(dynamic, "ASOR")}, invalid},
				{"PutResourcePermissionStatement", input{"sourceIp": "nowhere"}, invalid},
				{"PutResourcePermissionStatement", input{"requestedRegion": "us-east-1"}, invalid},
				{"PutResourcePermissionStatement", input{"clientToken": strings.Repeat("a", 65)}, invalid},
				{"DeleteResourcePermissionStatement", input{"statementId": "short"}, invalid},
				{"DeleteResourcePermissionStatement", nil, "404 ResourceNotFoundException RESOURCE_NOT_FOUND"},
				{"ListResourcePermissionStatements", input{"maxResults": 101}, invalid},
				{"ListResourcePermissionStatements", input{"nextToken": "made-up"}, invalid},
				{"GetResourcePolicy", nil, "404 ResourceNotFoundException RESOURCE_NOT_FOUND"},
				{"PutConsoleAuthorizationConfiguration", input{"targetId": "not-a-target"}, invalid},
				{"PutConsoleAuthorizationConfiguration", input{"targetId": "o-a1b2c3d4e5"}, "404 ResourceNotFoundException RESOURCE_NOT_FOUND"},
				{"GetConsoleAuthorizationConfiguration", input{"targetId": "444455556666"}, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS"},
				{"GetConsoleAuthorizationConfiguration", input{"targetId": "r-a1b2c3d4e5"}, "404 ResourceNotFoundException RESOURCE_NOT_FOUND"},
				{"DeleteConsoleAuthorizationConfiguration", input{"targetId": "not-a-target"}, invalid},
			} {
				for _, c := range s.signedCalls(signer) {
					if c.Operation != tt.operation {
						continue
					}
					changed := input{}
					maps.Copy(changed, c.Input)
					maps.Copy(changed, tt.change)
					t.Run(fmt.Sprintf("%s/%.60s %.60v", name, tt.operation, tt.change), func(t *testing.T) {
						s.wantFault(t, call{Operation: tt.operation, Credentials: signer, Input: changed}, tt.want)
					})
				}
			}
		}
	})
}

// TestLoginsThatAreRefused: CreateOAuth2Token, without a signature.
func TestLoginsThatAreRefused(t *testing.T) {
	t.Parallel()
	eachClient(t, "lifetimes: {code_cross_device: 5s}\n", func(t *testing.T, s *scene) {
		grant, err := awslogin.Authorize(t.Context(), s.base, awslogin.Options{Remote: true})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5100 * time.Millisecond) // the server's clock is the real one
		proof, err := grant.Proof()
		if err != nil {
			t.Fatal(err)
		}
		s.wantFault(t, redemption(grant, proof), "401 AccessDeniedException AUTHCODE_EXPIRED")

		unproved := s.refresh(t, s.session)
		unproved.Headers = nil
		s.wantFault(t, unproved, "400 ValidationException INVALID_REQUEST")
		password := s.refresh(t, s.session)
		password.Input["tokenInput"].(input)["grantType"] = "password"
		s.wantFault(t, password, "400 ValidationException unsupported_grant_type")

		s.admin(t, "correct horse battery staple 7\n", "user", "passwd", "alice")
		s.awaitRefresh(t, s.session, "403 AccessDeniedException USER_CREDENTIALS_CHANGED")
	}, "CreateOAuth2Token")
}

// TestExchangesThatAreRefused: CreateOAuth2TokenWithTokenExchange has errors of its own.
func TestExchangesThatAreRefused(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		i, barred, stranger := s.trust(t, "Partner", mayAll), s.trust(t, "Barred", mayNothing), startIssuer(t)
		away := s.trust(t, "Absent", mayAll) // the server has not fetched its keys before
		away.away.Store(true)
		with := func(change input) call {
			c := exchange(t, i, nil)
			maps.Copy(c.Input, change)
			return c
		}
		expired := map[string]any{"exp": time.Now().Unix() - 600}
		for _, tt := range []struct {
			name string
			call call
			want string
		}{
			{"an issuer that nobody trusts", exchange(t, stranger, nil), "400 InvalidGrantException invalid_grant"},
			{"another's signature", exchange(t, stranger, map[string]any{"iss": i.url}), "400 InvalidGrantException invalid_grant"},
			{"an expired token", exchange(t, i, expired), "400 InvalidGrantException invalid_grant"},
			{"another audience", exchange(t, i, map[string]any{"aud": "https://elsewhere.example.com"}), "400 InvalidGrantException invalid_grant"},
			{"no token at all", with(input{"subjectToken": "token"}), "400 InvalidGrantException invalid_grant"},
			{"a policy that is not there", with(input{"scope": "arn:aws:iam::" + account + ":policy/None"}), "400 InvalidScopeException invalid_scope"},
			{"a scope that is no policy", with(input{"scope": "openid"}), "400 InvalidScopeException invalid_scope"},
			{"a resource that is not there", with(input{"resource": "https://unknown.example.com"}), "400 ValidationException invalid_target"},
			{"another type of token", with(input{"subjectTokenType": "urn:ietf:params:oauth:token-type:saml2"}), "400 ValidationException INVALID_REQUEST"},
			{"another grant", with(input{"grantType": "client_credentials"}), "400 ValidationException unsupported_grant_type"},
			{"a role whose policy denies", exchange(t, barred, nil), "403 AccessDeniedException INSUFFICIENT_PERMISSIONS"},
			{"an issuer that is away", exchange(t, away, nil), "503 ServiceUnavailableException service_unavailable"},
		} {
			t.Run(tt.name, func(t *testing.T) { s.wantFault(t, tt.call, tt.want) })
		}
	}, "CreateOAuth2TokenWithTokenExchange")
}

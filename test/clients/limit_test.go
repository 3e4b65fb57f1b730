package clients

import (
	"fmt"
	"testing"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// TestTooManyRequests: at every operation, once the address has used up its share.
func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	eachClient(t, "limits: {address: {per_second: 0.001, burst: 20}, wait: 0s}\n", func(t *testing.T, s *scene) {
		all := append(s.signedCalls(&s.robot), s.refresh(t, s.session))
		if s.has("CreateOAuth2TokenWithTokenExchange") {
			all = append(all, exchange(t, s.trust(t, "Partner", mayAll), nil))
		}
		for i := 0; s.call(t, all[0]).OK; i++ {
			if i > 20 {
				t.Fatal("there is no end to the address's share")
			}
		}
		for _, c := range all {
			s.wantFault(t, c, "429 TooManyRequestsError INVALID_REQUEST")
		}
	}, "CreateOAuth2Token")
}

// TestServerFails: operations that write get 500 while another process has locked the database, one of each room that does.
// Those that only read are answered.
func TestServerFails(t *testing.T) {
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
		writing := []call{
			redemption(grant, proof),
			revoke(&s.robot, s.session.Answer.RefreshToken),
			control("PutResourcePermissionStatement", &s.robot, input{"sourceIp": "192.0.2.0/24"}),
		}
		unlock := lockDatabase(t, s.server)
		t.Run("locked", func(t *testing.T) { // all at once, for each waits until it gives up
			for _, c := range writing {
				if s.has(c.Operation) {
					t.Run(c.Operation, func(t *testing.T) {
						t.Parallel()
						s.signinClient.open(t, s.server).wantFault(t, c, "500 InternalServerException server_error")
					})
				}
			}
		})
		var a accessToken
		s.do(t, call{Operation: "CreateOAuth2TokenWithIAM", Credentials: &s.robot, Input: forResource(resource)}, &a)
		unlock()
		var redeemed struct{ TokenOutput awslogin.Answer }
		s.do(t, redemption(grant, proof), &redeemed) // nothing was spent
	}, "CreateOAuth2Token", "CreateOAuth2TokenWithIAM")
}

// TestStatementsHaveLimits: a clientToken stands for one statement, and an account has a number of them at most.
func TestStatementsHaveLimits(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		for name, signer := range s.signers() {
			s.put(t, signer, input{"sourceIp": "192.0.2.0/24", "clientToken": name[:4]})
			s.wantFault(t, control("PutResourcePermissionStatement", signer, input{"sourceIp": "192.0.2.7", "clientToken": name[:4]}),
				"409 ConflictException CONFLICT")
		}
		for i := range 98 {
			s.put(t, &s.robot, input{"sourceIp": fmt.Sprintf("10.0.%d.0/24", i)})
		}
		for _, signer := range s.signers() {
			s.wantFault(t, control("PutResourcePermissionStatement", signer, input{"sourceIp": "10.1.0.0/16"}),
				"402 ServiceQuotaExceededException SERVICE_QUOTA_EXCEEDED")
		}
	}, "PutResourcePermissionStatement")
}

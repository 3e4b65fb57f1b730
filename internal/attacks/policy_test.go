package attacks

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Class: policy bypass, CWE-863 and CWE-285. Mallory may act as a role whose own policy allows everything, and somebody has
// attached a policy that keeps her out: to her, to her group, to the role, to the account. She looks for the place that it was
// not attached to, for a header or a name that its condition takes for another, and hopes that what the server cannot make sense
// of counts as nothing.
//
// Whatever is attached anywhere counts, and what cannot be decided or read shuts out.
func TestPoliciesAreNotTalkedAround(t *testing.T) {
	const (
		all     = `"Action":"signin:*","Resource":"*"`
		deny    = `{"Version":"2012-10-17","Statement":{"Effect":"Deny",` + all + `}}`
		office  = `{"Version":"2012-10-17","Statement":{"Effect":"Deny",` + all + `,"Condition":{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}}`
		trusted = "10.0.0.1"
	)
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.TrustedProxies = []string{trusted} })
		ctx, now := t.Context(), time.Now()
		group := store.Group{ID: signin.NewUniqueID(signin.PrefixGroup), Name: "contractors", Created: now}
		for _, err := range []error{s.Store.AddGroup(ctx, group), s.Store.AddMember(ctx, group.ID, s.Person.ID, now, signin.NoticeExpiry(now))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		toPerson, toGroup := store.Target{Kind: store.ToPerson, ID: s.Person.ID}, store.Target{Kind: store.ToGroup, ID: group.ID}
		toRole, toAccount := store.Target{Kind: store.ToRole, ID: s.Role.ID}, store.Target{Kind: store.ToAccount, ID: testkit.Account}
		for i, tt := range []struct {
			name, document string
			target         store.Target
			from           string
			headers        []string
		}{
			{"denied to the person", deny, toPerson, "203.0.113.7", nil},
			{"denied to the group", deny, toGroup, "203.0.113.7", nil},
			{"denied to the role, beside its own policy", deny, toRole, "203.0.113.7", nil},
			{"denied in the account", deny, toAccount, "203.0.113.7", nil},
			{"an account that allows something else", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`, toAccount, "203.0.113.7", nil},
			{"from elsewhere", office, toGroup, "198.51.100.66", nil},
			{"from elsewhere, saying otherwise", office, toGroup, "198.51.100.66", []string{"X-Forwarded-For", "203.0.113.7", "X-Real-Ip", "203.0.113.7"}},
			{"from elsewhere, saying otherwise to the proxy", office, toGroup, trusted, []string{"X-Forwarded-For", "203.0.113.7, 198.51.100.66"}},
			{"from elsewhere by IPv6", office, toGroup, "::ffff:198.51.100.66", nil},
			{"a name in other letters", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"SIGNIN:createoauth2token","Resource":"*","Condition":{"StringLike":{"AWS:UserName":"*"}}}}`, toRole, "203.0.113.7", nil},
			{"a condition that cannot be decided", `{"Version":"2012-10-17","Statement":{"Effect":"Deny",` + all + `,"Condition":{"NumericLessThan":{"aws:username":"0"}}}}`, toRole, "203.0.113.7", nil},
			{"a variable without a value", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"signin:*","Resource":"arn:${aws:SourceVpc}"}}`, toRole, "203.0.113.7", nil},
			{"a policy of a later version", `{"Version":"2030-01-01","Statement":{"Effect":"Deny",` + all + `}}`, toAccount, "203.0.113.7", nil},
		} {
			now := time.Now()
			arn := signin.PolicyARN(testkit.Account, "Wall"+string(rune('A'+i)))
			a := store.Attachment{Target: tt.target, Policy: arn}
			if err := s.Store.AddManagedPolicy(ctx, store.ManagedPolicy{ARN: arn, Account: testkit.Account, Document: tt.document, Created: now}); err != nil {
				t.Fatal(err)
			}
			s.ComeFrom("203.0.113.7")
			before := s.Client()
			held := before.Login(t)
			if err := s.Store.AttachPolicy(ctx, a, false, now, signin.NoticeExpiry(now)); err != nil {
				t.Fatal(err)
			}
			s.ComeFrom(tt.from, tt.headers...)
			c := s.Client()
			if to := location(t, get(s, authorizePath(c))); to == nil || to.Query().Get("code") != "" || to.Query().Get("error") != "access_denied" {
				t.Errorf("%s: she comes to %v, want access_denied", tt.name, to)
			}
			// And what she has from before is over.
			time.Sleep(2 * time.Second)
			before.Refresh(t, held.RefreshToken).WantFault(t, signin.SessionRevoked)
			if err := s.Store.DetachPolicy(ctx, a, now, signin.NoticeExpiry(now)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		s.ComeFrom("203.0.113.7")
		s.Client().Login(t) // with nothing attached, it is her role
	})
}

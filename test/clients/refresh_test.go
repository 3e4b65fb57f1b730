package clients

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// quickSteps makes the credentials of a session change every second, so that one refresh does not give what the last gave.
const quickSteps = "lifetimes:\n  step: 1s\n"

// wantIdentity fails the test unless the client got credentials that STS knows as those of the login.
func wantIdentity(t *testing.T, c client, r result, session *awslogin.Session) {
	t.Helper()
	if !r.OK {
		t.Fatalf("%s failed at %s: %s: %s", c.name, r.Stage, r.Name, r.Message)
	}
	if r.ARN != session.Principal || r.Account != "111122223333" {
		t.Errorf("%s: GetCallerIdentity = %s of account %s, want %s of account 111122223333", c.name, r.ARN, r.Account, session.Principal)
	}
}

// TestClientRefreshes: with credentials that are good, with credentials that have expired, and once more from the cache
// file that the client itself wrote.
func TestClientRefreshes(t *testing.T) {
	t.Parallel()
	s := start(t, quickSteps)
	for _, c := range allClients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.require(t)
			session := login(t, s, awslogin.Options{})
			h := newHome(t, s, session)

			r := c.run(t, h)
			wantIdentity(t, c, r, session)
			if want := session.Answer.AccessToken.AccessKeyID; r.AccessKeyID != want {
				t.Errorf("%s used %s though the login's %s had not expired", c.name, r.AccessKeyID, want)
			}
			for range 2 {
				before := h.read(t)
				awaitNextStep(t, session, before.AccessToken.AccessKeyID)
				h.expire(t)
				r = c.run(t, h)
				wantIdentity(t, c, r, session)
				after := h.read(t)
				if after.AccessToken.AccessKeyID != r.AccessKeyID {
					t.Errorf("%s left %s in its cache and used %s", c.name, after.AccessToken.AccessKeyID, r.AccessKeyID)
				}
				if after.RefreshToken == before.RefreshToken || after.AccessToken.AccessKeyID == before.AccessToken.AccessKeyID {
					t.Errorf("%s got the credentials of the last step again", c.name)
				}
			}
		})
	}
}

// TestShortCoordinateKey: for one key in 128 a coordinate begins with a zero byte, which the CLI leaves out at login and
// some SDKs at every refresh. All of them must still be taken for the same key.
func TestShortCoordinateKey(t *testing.T) {
	t.Parallel()
	key, err := awslogin.ShortKey()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, quickSteps)
	for _, spelling := range []struct {
		name  string
		short bool
	}{{"login with padded coordinates", false}, {"login with short coordinates", true}} {
		for _, c := range allClients() {
			t.Run(spelling.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.require(t)
				session := login(t, s, awslogin.Options{Key: key, ShortCoordinates: spelling.short})
				h := newHome(t, s, session)
				h.expire(t)
				wantIdentity(t, c, c.run(t, h), session)
			})
		}
	}
}

// TestClientsInTurn: two SDKs on one cache file, each in turn, with every SDK after every other one in both versions.
// The key is one whose coordinates they spell differently.
func TestClientsInTurn(t *testing.T) {
	t.Parallel()
	key, err := awslogin.ShortKey()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, quickSteps)
	session := login(t, s, awslogin.Options{Remote: true, Key: key, ShortCoordinates: true})
	h := newHome(t, s, session)
	order := []string{
		"go-newest", "js-newest", "go-oldest", "python-newest", "js-oldest", "python-oldest",
		"go-oldest", "js-oldest", "go-newest", "python-oldest", "js-newest", "python-newest", "go-newest",
	}
	for _, name := range order {
		c := clientNamed(name)
		c.require(t)
		last := h.read(t).AccessToken.AccessKeyID
		awaitNextStep(t, session, last)
		h.expire(t)
		r := c.run(t, h)
		wantIdentity(t, c, r, session)
		if r.AccessKeyID == last {
			t.Errorf("%s used %s, which the client before it had used", c.name, last)
		}
	}
}

// awaitNextStep waits until the session no longer gives the credentials last.
func awaitNextStep(t *testing.T, session *awslogin.Session, last string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		answer, err := session.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if answer.AccessToken.AccessKeyID != last {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the credentials are the same after %v, want others each second", patience)
		}
	}
}

// TestRestartKeepsSessions: a server that was killed and started again goes on with the sessions that it had.
func TestRestartKeepsSessions(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	clients := allClients()
	sessions := make([]*awslogin.Session, len(clients))
	for i := range clients {
		sessions[i] = login(t, s, awslogin.Options{})
	}
	s.restart(t)
	for i, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.require(t)
			h := newHome(t, s, sessions[i])
			h.expire(t)
			wantIdentity(t, c, c.run(t, h), sessions[i])
		})
	}
}

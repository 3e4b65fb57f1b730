package token_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Attack: capture a signed request, and write its signature in another way, so that it looks like one that was not
// answered yet. It is known by what was signed, not by how that is written.
func TestRewrittenSignatureYieldsNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Lifetimes.Step = time.Minute })
		app := s.Confidential(t, "app")
		body := app.RefreshBody(app.Login(t).RefreshToken)
		captured := app.SignedRequest(t, body)
		authorization := captured.Header.Get("Authorization")
		first := app.Send(t, captured)
		if first.Status != http.StatusOK {
			t.Fatalf("refresh = %d %s", first.Status, first.Body)
		}
		time.Sleep(3 * time.Minute)
		parts := strings.Split(strings.TrimPrefix(authorization, "AWS4-HMAC-SHA256 "), ", ")
		for name, rewritten := range map[string]string{
			"as it was":        authorization,
			"without spaces":   "AWS4-HMAC-SHA256 " + strings.Join(parts, ","),
			"with tabs":        "AWS4-HMAC-SHA256 \t" + strings.Join(parts, " ,\t "),
			"in another order": "AWS4-HMAC-SHA256 " + parts[2] + ", " + parts[0] + ", " + parts[1],
		} {
			again := app.SignedRequest(t, body)
			again.Header = captured.Header.Clone()
			again.Header.Set("Authorization", rewritten)
			if a := app.Send(t, again); a.AccessToken != first.AccessToken {
				t.Errorf("%s, three steps later = %d %s, want what it gave before", name, a.Status, a.Body)
			}
		}
	})
}

// A proof is answered for the step that it was first answered for. When that step's credentials are over, so is it.
func TestLateRetransmissionIsToldToMakeAFreshProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Lifetimes.Step, c.Lifetimes.Credentials = 10*time.Second, 30*time.Second })
		c := s.Client()
		body, proof := c.RefreshBody(c.Login(t).RefreshToken), c.Proof()
		first := c.Post(t, body, proof)
		time.Sleep(29 * time.Second)
		if again := c.Post(t, body, proof); again.Status != http.StatusOK || again.AccessToken != first.AccessToken || again.ExpiresIn != 1 {
			t.Errorf("in the last second of its step = %d %s, want the same with expiresIn 1", again.Status, again.Body)
		}
		time.Sleep(time.Second)
		a := c.Post(t, body, proof)
		a.WantFault(t, signin.ProofReplayed)
		if !strings.Contains(a.Message, "fresh proof") {
			t.Errorf("message %q does not say what to do", a.Message)
		}
		if a := c.Post(t, body, c.Proof()); a.Status != http.StatusOK {
			t.Errorf("with a fresh proof = %d %s, want 200", a.Status, a.Body)
		}
	})
}

// Attack: capture a whole refresh request, and send it to another node, or after a restart, where nobody remembers it. It
// gives what it gave, because the time of its proof decides the step.
func TestCapturedRequestYieldsNothingNewElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		body := c.RefreshBody(c.Login(t).RefreshToken)
		time.Sleep(4 * time.Minute)
		proof := c.Proof()
		first := c.Post(t, body, proof)
		time.Sleep(4 * time.Minute) // into the next step
		if fresh := c.Post(t, body, c.Proof()); fresh.AccessToken == first.AccessToken {
			t.Fatal("no step went by")
		}
		s.Restart(t)
		if again := c.Post(t, body, proof); again.Status != http.StatusOK || again.AccessToken != first.AccessToken || again.RefreshToken != first.RefreshToken {
			t.Errorf("elsewhere = %d %s, want what it gave before", again.Status, again.Body)
		}
	})
}

// A notice counts by its number: a command on a computer whose clock is behind ends what a node whose clock is ahead let in.
func TestNoticeEndsSessionsWhateverTheClocksSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		token := c.Login(t).RefreshToken
		behind := time.Now().Add(-3 * time.Minute)
		if err := s.Store.DisablePerson(t.Context(), s.Person.ID, behind, signin.NoticeExpiry(behind)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		c.Refresh(t, token).WantFault(t, signin.PermissionMissing)
		if err := s.Store.EnablePerson(t.Context(), s.Person.ID); err != nil {
			t.Fatal(err)
		}
		if a := c.Login(t); a.Status != http.StatusOK {
			t.Errorf("login after the person was enabled again = %d %s", a.Status, a.Body)
		} else if a := c.Refresh(t, a.RefreshToken); a.Status != http.StatusOK {
			t.Errorf("refresh of that = %d %s", a.Status, a.Body)
		}
		c.Refresh(t, token).WantFault(t, signin.PermissionMissing)
	})
}

// expiresIn is never 0, which some clients cannot bear: a session with less than a second left is over.
func TestLastSecondOfASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) {
			c.Lifetimes.Step, c.Lifetimes.Credentials, c.Lifetimes.Session = 10*time.Second, 30*time.Second, time.Minute
		})
		c := s.Client()
		token := c.Login(t).RefreshToken // a session begins with its second
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(59 * time.Second)))
		if a := c.Refresh(t, token); a.Status != http.StatusOK || a.ExpiresIn != 1 {
			t.Errorf("a second before the end = %d, expiresIn %d, want 200, 1", a.Status, a.ExpiresIn)
		}
		time.Sleep(500 * time.Millisecond)
		c.Refresh(t, token).WantFault(t, signin.SessionEnded)
		time.Sleep(500 * time.Millisecond)
		c.Refresh(t, token).WantFault(t, signin.SessionEnded)
	})
}

// A code may be of somebody who was locked out while the server could not hear of it.
func TestDeafServerRedeemsNoCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Lifetimes.Code = time.Hour })
		c := s.Client()
		code := c.Authorize(t)
		s.TakeStoreAway(t)
		// Until it is deaf, it tries: the failure is the server's, and says nothing of why.
		a := c.Redeem(t, code)
		a.WantFault(t, signin.Internal)
		if strings.Contains(a.Body, "database") || strings.Contains(a.Body, "closed") {
			t.Errorf("answer tells an internal detail: %s", a.Body)
		}
		time.Sleep(11 * time.Minute)
		c.Redeem(t, code).WantFault(t, signin.Overloaded)
	})
}

// Attack: take the server's memory with long bodies that come slowly. Beyond a number of them, further ones are turned
// away before they are read; those of real clients are short, and are not held up.
func TestLongBodiesAreReadAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, noLimits)
		c := s.Client()
		token := c.Login(t).RefreshToken
		long := func(body io.Reader, length int64) *http.Request {
			r := httptest.NewRequest(http.MethodPost, s.Base+"/v1/token", body)
			r.Header.Set("Content-Type", "application/json")
			r.ContentLength = length
			return r
		}
		var senders []*io.PipeWriter
		var wg sync.WaitGroup
		for i := range 64 {
			body, sender := io.Pipe()
			senders = append(senders, sender)
			length := int64(60_000)
			if i%2 == 0 {
				length = -1 // chunked
			}
			wg.Go(func() { s.Do(long(body, length)) })
		}
		synctest.Wait()
		began := time.Now()
		for _, length := range []int64{60_000, -1} {
			c.Send(t, long(strings.NewReader("{}"), length)).WantFault(t, signin.Overloaded)
		}
		if waited := time.Since(began); waited > 3*time.Second {
			t.Errorf("turning away took %v", waited)
		}
		if a := c.Refresh(t, token); a.Status != http.StatusOK {
			t.Errorf("refresh meanwhile = %d %s, want 200", a.Status, a.Body)
		}
		for _, sender := range senders {
			fmt.Fprint(sender, "{}")
			sender.Close()
		}
		wg.Wait()
		if a := c.Send(t, long(strings.NewReader("{}"), -1)); a.Status != http.StatusBadRequest {
			t.Errorf("a long body afterwards = %d %s, want 400", a.Status, a.Body)
		}
	})
}

// One client is slowed down as a whole, wherever its requests come from; another client is not.
func TestClientHasAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) {
			c.Limits.Client, c.Limits.Wait = config.Rate{PerSecond: 1, Burst: 2}, 0
		})
		c, app := s.Client(), s.Confidential(t, "app")
		token := c.Login(t).RefreshToken // takes the first
		if a := c.Refresh(t, token); a.Status != http.StatusOK {
			t.Errorf("refresh within the burst = %d %s", a.Status, a.Body)
		}
		a := c.Refresh(t, token)
		a.WantFault(t, signin.Throttled)
		if a.Type != "TooManyRequestsError" || a.Header.Get("Retry-After") != "1" || !strings.Contains(a.Message, "client") {
			t.Errorf("refresh over the burst = %s, Retry-After %q: %q", a.Type, a.Header.Get("Retry-After"), a.Message)
		}
		if a := app.Redeem(t, app.Authorize(t)); a.Status != http.StatusOK {
			t.Errorf("another client meanwhile = %d %s, want 200", a.Status, a.Body)
		}
		time.Sleep(time.Second)
		if a := c.Refresh(t, token); a.Status != http.StatusOK {
			t.Errorf("refresh after Retry-After = %d %s, want 200", a.Status, a.Body)
		}
	})
}

package token_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

func TestLoginGivesEverythingThatClientsRead(t *testing.T) {
	s := testkit.Start(t)
	a := s.Client().Login(t)
	if a.AccessToken.AccessKeyID == "" || len(a.AccessToken.SecretAccessKey) != 40 || a.AccessToken.SessionToken == "" {
		t.Errorf("accessToken = %+v", a.AccessToken)
	}
	if a.TokenType != "urn:aws:params:oauth:token-type:access_token_sigv4" || a.ExpiresIn < 898 || a.ExpiresIn > 900 {
		t.Errorf("tokenType, expiresIn = %q, %d", a.TokenType, a.ExpiresIn)
	}
	if a.RefreshToken == "" || len(a.RefreshToken) > 2048 || strings.Count(a.IDToken, ".") != 2 || len(a.IDToken) > 4096 {
		t.Errorf("refreshToken %d characters, idToken %d", len(a.RefreshToken), len(a.IDToken))
	}
	if len(a.Body) >= 10_000 { // aws-c-auth reads no more
		t.Errorf("answer has %d bytes, want less than 10000", len(a.Body))
	}
	for header, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"} {
		if got := a.Header.Get(header); got != want {
			t.Errorf("%s = %q, want %q", header, got, want)
		}
	}
}

// Attack: bring a stolen code again. The thief gets nothing, and whoever was first loses the session, for one of the two
// is a thief.
func TestSpentCodeIsRefusedAndEndsItsSession(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	code := c.Authorize(t)
	first := c.Redeem(t, code)
	if first.Status != http.StatusOK {
		t.Fatalf("first redemption = %d %s", first.Status, first.Body)
	}
	c.Redeem(t, code).WantFault(t, signin.CodeSpent)
	c.Refresh(t, first.RefreshToken).WantFault(t, signin.SessionRevoked)
}

// Attack: race 64 redemptions of one code.
func TestOfManyRedemptionsOneSucceeds(t *testing.T) {
	s := testkit.Start(t, noLimits)
	c := s.Client()
	code := c.Authorize(t)
	answers := make([]testkit.Answer, 64)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = c.Redeem(t, code) })
	}
	wg.Wait()
	won := 0
	for _, a := range answers {
		if a.Status == http.StatusOK {
			won++
			continue
		}
		// Whoever comes after the session was revoked hears that instead, or that the code was spent.
		a.WantFault(t, signin.CodeSpent)
	}
	if won != 1 {
		t.Errorf("%d of %d redemptions of one code succeeded, want 1", won, len(answers))
	}
}

// A code that was intercepted does not end the session of its owner: without the verifier it proves nothing.
func TestSpentCodeWithoutTheVerifierEndsNothing(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	code := c.Authorize(t)
	first := c.Redeem(t, code)
	thief := s.Client()
	thief.Redeem(t, code).WantFault(t, signin.CodeMismatch)
	if a := c.Refresh(t, first.RefreshToken); a.Status != http.StatusOK {
		t.Errorf("refresh after an intercepted code = %d %s, want 200", a.Status, a.Body)
	}
}

func TestCodeIsHeldToItsAuthorization(t *testing.T) {
	s := testkit.Start(t)
	for _, tt := range []struct {
		name   string
		change func(body map[string]string)
		want   signin.Kind
	}{
		{"no code", func(b map[string]string) { delete(b, "code") }, signin.ParameterMissing},
		{"empty code", func(b map[string]string) { b["code"] = "" }, signin.ParameterMissing},
		{"code too long", func(b map[string]string) { b["code"] = strings.Repeat("a", 513) }, signin.ParameterInvalid},
		{"foreign code", func(b map[string]string) { b["code"] = "abc" }, signin.CodeUnknown},
		{"altered code", func(b map[string]string) { b["code"] = "B" + b["code"][1:] }, signin.CodeUnknown},
		{"no verifier", func(b map[string]string) { delete(b, "codeVerifier") }, signin.ParameterMissing},
		{"short verifier", func(b map[string]string) { b["codeVerifier"] = strings.Repeat("a", 42) }, signin.ParameterInvalid},
		{"long verifier", func(b map[string]string) { b["codeVerifier"] = strings.Repeat("a", 129) }, signin.ParameterInvalid},
		{"verifier with a space", func(b map[string]string) { b["codeVerifier"] = strings.Repeat("a", 42) + " " }, signin.ParameterInvalid},
		{"another verifier", func(b map[string]string) { b["codeVerifier"] = strings.Repeat("a", 43) }, signin.CodeMismatch},
		{"the challenge as verifier", func(b map[string]string) { b["codeVerifier"] = s.Client().Challenge() }, signin.CodeMismatch},
		{"no redirect URI", func(b map[string]string) { delete(b, "redirectUri") }, signin.ParameterMissing},
		{"another redirect URI", func(b map[string]string) { b["redirectUri"] += "/" }, signin.CodeMismatch},
		{"another client", func(b map[string]string) { b["clientId"] = signin.CrossDevice }, signin.CodeMismatch},
		{"no client", func(b map[string]string) { delete(b, "clientId") }, signin.ParameterMissing},
		{"unknown client", func(b map[string]string) { b["clientId"] = "arn:aws:signin:::devtools/other" }, signin.ClientUnknown},
		{"unknown confidential client", func(b map[string]string) { b["clientId"] = signin.ConfidentialPrefix + "nobody" }, signin.ClientUnknown},
		{"no grant", func(b map[string]string) { delete(b, "grantType") }, signin.ParameterMissing},
		{"grant of another operation", func(b map[string]string) { b["grantType"] = "client_credentials" }, signin.GrantUnknown},
		{"a refresh token as code", func(b map[string]string) { b["code"] = s.Client().Login(t).RefreshToken }, signin.CodeUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.Client()
			body := c.CodeBody(c.Authorize(t))
			good := c.CodeBody(body["code"])
			tt.change(body)
			c.Post(t, body, c.Proof()).WantFault(t, tt.want)
			// A refused request consumes nothing.
			if a := c.Post(t, good, c.Proof()); a.Status != http.StatusOK {
				t.Errorf("the same code, asked for rightly afterwards = %d %s, want 200", a.Status, a.Body)
			}
		})
	}
}

// A broken proof must not burn the code.
func TestProofIsCheckedBeforeTheCodeIsSpent(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	code := c.Authorize(t)
	c.Post(t, c.CodeBody(code), "").WantFault(t, signin.ProofMissing)
	c.Post(t, c.CodeBody(code), "not a proof").WantFault(t, signin.ProofInvalid)
	if a := c.Redeem(t, code); a.Status != http.StatusOK {
		t.Errorf("redemption after broken proofs = %d %s, want 200", a.Status, a.Body)
	}
}

func TestCodeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		early, late := c.Authorize(t), c.Authorize(t)
		time.Sleep(s.Config.Lifetimes.Code - time.Second)
		if a := c.Redeem(t, early); a.Status != http.StatusOK {
			t.Errorf("redemption a second before the end = %d %s, want 200", a.Status, a.Body)
		}
		time.Sleep(time.Second)
		c.Redeem(t, late).WantFault(t, signin.CodeExpired)
		// What was redeemed stays redeemed, also when the row has been swept.
		time.Sleep(time.Hour)
		c.Redeem(t, early).WantFault(t, signin.CodeExpired)
	})
}

// Where sessions are configured to be shorter than codes, sweeping ended sessions must not free their codes.
func TestSweepingDoesNotFreeACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) {
			c.Lifetimes.Session, c.Lifetimes.Step, c.Lifetimes.Credentials = 10*time.Second, 5*time.Second, 10*time.Second
		})
		c := s.Client()
		code := c.Authorize(t)
		c.Redeem(t, code)
		time.Sleep(4 * time.Minute) // the session is over, and sweeping has run; the code lives for another minute
		c.Redeem(t, code).WantFault(t, signin.CodeSpent)
	})
}

// Processes that share a cache file refresh at once, and lose answers: within a step they all get the same.
func TestRefreshIsTheSameWithinAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		login := c.Login(t)
		time.Sleep(time.Minute)
		first := c.Refresh(t, login.RefreshToken)
		time.Sleep(time.Minute)
		second := c.Refresh(t, login.RefreshToken)
		if first.Status != http.StatusOK || first.RefreshToken != second.RefreshToken || first.AccessToken != second.AccessToken {
			t.Errorf("two refreshes in one step differ:\n%s\n%s", first.Body, second.Body)
		}
		if first.AccessToken != login.AccessToken || first.IDToken != "" {
			t.Errorf("refresh in step 0 = %s, want the credentials of the login and no id token", first.Body)
		}
		if second.ExpiresIn != first.ExpiresIn-60 {
			t.Errorf("expiresIn = %d, then %d a minute later", first.ExpiresIn, second.ExpiresIn)
		}

		time.Sleep(s.Config.Lifetimes.Step - 2*time.Minute)
		third := c.Refresh(t, login.RefreshToken)
		if third.AccessToken == first.AccessToken || third.RefreshToken == first.RefreshToken {
			t.Error("refresh in step 1 gave the credentials of step 0")
		}
		if third.ExpiresIn < 898 {
			t.Errorf("expiresIn at the start of a step = %d, want about 900", third.ExpiresIn)
		}
	})
}

// A program that kept an old refresh token in memory goes on, and so does one that has the newest.
func TestEveryRefreshTokenOfALiveSessionWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		tokens := []string{c.Login(t).RefreshToken}
		for range 5 {
			time.Sleep(s.Config.Lifetimes.Step)
			a := c.Refresh(t, tokens[len(tokens)-1])
			if a.Status != http.StatusOK {
				t.Fatalf("refresh = %d %s", a.Status, a.Body)
			}
			tokens = append(tokens, a.RefreshToken)
		}
		var answers []testkit.Answer
		for _, token := range tokens {
			answers = append(answers, c.Refresh(t, token))
		}
		for i, a := range answers {
			if a.Status != http.StatusOK || a.AccessToken != answers[0].AccessToken {
				t.Errorf("refresh with token %d = %d %s, want what all others get", i, a.Status, a.Body)
			}
		}
	})
}

// Refreshing does not prolong a session.
func TestSessionEndsWhateverIsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) { c.Lifetimes.Session = 2 * time.Hour })
		c := s.Client()
		a := c.Login(t)
		for range 2*4 - 1 {
			time.Sleep(15 * time.Minute)
			if a = c.Refresh(t, a.RefreshToken); a.Status != http.StatusOK {
				t.Fatalf("refresh = %d %s", a.Status, a.Body)
			}
		}
		time.Sleep(14 * time.Minute)
		if a = c.Refresh(t, a.RefreshToken); a.ExpiresIn > 60 {
			t.Errorf("a minute before the end, expiresIn = %d, want at most 60", a.ExpiresIn)
		}
		last := a.RefreshToken
		time.Sleep(time.Minute)
		c.Refresh(t, last).WantFault(t, signin.SessionEnded)
	})
}

// Attack: use a stolen refresh token, with a key of the thief's. It is refused, and the owner goes on.
func TestRefreshTokenWorksOnlyWithItsKey(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	token := c.Login(t).RefreshToken
	s.Client().Refresh(t, token).WantFault(t, signin.ProofKeyMismatch)
	c.Post(t, c.RefreshBody(token), "").WantFault(t, signin.ProofMissing)
	if a := c.Refresh(t, token); a.Status != http.StatusOK {
		t.Errorf("refresh by the owner after a theft = %d %s, want 200", a.Status, a.Body)
	}
}

func TestRefreshRefuses(t *testing.T) {
	s := testkit.Start(t)
	c := s.Client()
	token := c.Login(t).RefreshToken
	for _, tt := range []struct {
		name   string
		change func(body map[string]string)
		want   signin.Kind
	}{
		{"no token", func(b map[string]string) { delete(b, "refreshToken") }, signin.ParameterMissing},
		{"token too long", func(b map[string]string) { b["refreshToken"] = strings.Repeat("a", 2049) }, signin.ParameterInvalid},
		{"foreign token", func(b map[string]string) { b["refreshToken"] = "ASORabc" }, signin.RefreshUnknown},
		{"altered token", func(b map[string]string) { b["refreshToken"] = token[:len(token)-2] + "AA" }, signin.RefreshUnknown},
		{"a code as token", func(b map[string]string) { b["refreshToken"] = c.Authorize(t) }, signin.RefreshUnknown},
		{"another client", func(b map[string]string) { b["clientId"] = signin.CrossDevice }, signin.RefreshMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := c.RefreshBody(token)
			tt.change(body)
			c.Post(t, body, c.Proof()).WantFault(t, tt.want)
		})
	}
}

// The AWS CLI sends the very same request again after a lost answer, for minutes. It must get its answer; but nobody who
// captured it may get anything newer, or anything else.
func TestProofIsAnsweredOnceForItsStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		token := c.Login(t).RefreshToken
		time.Sleep(s.Config.Lifetimes.Step - time.Second)
		proof, body := c.Proof(), c.RefreshBody(token)
		first := c.Post(t, body, proof)

		time.Sleep(2 * time.Minute) // now in the next step
		again := c.Post(t, body, proof)
		if again.Status != http.StatusOK || again.AccessToken != first.AccessToken || again.RefreshToken != first.RefreshToken {
			t.Errorf("the same request again = %d %s, want the answer of its step", again.Status, again.Body)
		}
		body["refreshToken"] = c.Refresh(t, token).RefreshToken
		c.Post(t, body, proof).WantFault(t, signin.ProofReplayed)
	})
}

// Attack, and the owner's own mistake: a clock that is off. The message says by how much.
func TestProofFarFromNowIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		token := c.Login(t).RefreshToken
		proof := c.Proof()
		time.Sleep(s.Config.Lifetimes.Proof + time.Second)
		a := c.Post(t, c.RefreshBody(token), proof)
		a.WantFault(t, signin.ProofStale)
		if !strings.Contains(a.Message, "301") {
			t.Errorf("message %q does not say by how much", a.Message)
		}
	})
}

func TestNoticesEndSessions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, s *testkit.Server) error
		want   signin.Kind
	}{
		{"password changed", func(t *testing.T, s *testkit.Server) error {
			return s.Store.SetPassword(t.Context(), s.Person.ID, "x", time.Now(), time.Now().Add(time.Hour))
		}, signin.CredentialsChanged},
		{"person disabled", func(t *testing.T, s *testkit.Server) error {
			return s.Store.DisablePerson(t.Context(), s.Person.ID, time.Now(), time.Now().Add(time.Hour))
		}, signin.PermissionMissing},
		{"role taken away", func(t *testing.T, s *testkit.Server) error {
			return s.Store.Unassign(t.Context(), s.Person.ID, s.Role.ID, time.Now(), time.Now().Add(time.Hour))
		}, signin.PermissionMissing},
		{"policy tightened", func(t *testing.T, s *testkit.Server) error {
			return s.Store.SetRolePolicy(t.Context(), s.Role.ID, `{}`, true, time.Now(), time.Now().Add(time.Hour))
		}, signin.PermissionMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testkit.Start(t)
				c := s.Client()
				token, pending := c.Login(t).RefreshToken, c.Authorize(t)
				time.Sleep(time.Second)
				if err := tt.change(t, s); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second) // the promise
				c.Refresh(t, token).WantFault(t, tt.want)
				c.Redeem(t, pending).WantFault(t, tt.want)
			})
		})
	}
}

// A server that cannot hear of revocations says so instead of accepting what may have been revoked.
func TestDeafServerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		c := s.Client()
		token := c.Login(t).RefreshToken
		s.TakeStoreAway(t)
		time.Sleep(9 * time.Minute)
		if a := c.Refresh(t, token); a.Status != http.StatusOK {
			t.Errorf("refresh while the database is away = %d %s, want 200", a.Status, a.Body)
		}
		time.Sleep(2 * time.Minute)
		c.Refresh(t, token).WantFault(t, signin.Overloaded)
	})
}

func TestTooFastCallersWaitThenAreThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *config.Config) {
			c.Limits.Address = config.Rate{PerSecond: 1, Burst: 2}
			c.Limits.Wait = 2 * time.Second
		})
		c := s.Client()
		token := c.Login(t).RefreshToken // takes the first
		began := time.Now()
		for range 2 {
			if a := c.Refresh(t, token); a.Status != http.StatusOK {
				t.Fatalf("refresh = %d %s", a.Status, a.Body)
			}
		}
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("the request over the burst waited %v, want 1s", waited)
		}
		var wg sync.WaitGroup
		answers := make([]testkit.Answer, 4)
		for i := range answers {
			wg.Go(func() { answers[i] = c.Refresh(t, token) })
		}
		wg.Wait()
		refused := 0
		for _, a := range answers {
			if a.Status == http.StatusOK {
				continue
			}
			refused++
			a.WantFault(t, signin.Throttled)
			if a.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		}
		if refused != 2 {
			t.Errorf("%d of 4 requests at once were refused, want 2 (a wait of 2s at 1/s)", refused)
		}
	})
}

func noLimits(c *config.Config) {
	c.Limits.Address, c.Limits.Client = config.Rate{}, config.Rate{}
}

package attacks

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// varying is what differs in every answer: its request id, and what is sealed in it.
var varying = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|name="page" value="[^"]*"|name="username"[^>]*|x-amzn-requestid:.*`)

// same is an answer without what differs each time: status, headers and body.
func same(w *httptest.ResponseRecorder) string {
	lines := headerLines(w)
	for i := range lines {
		lines[i] = strings.ToLower(lines[i])
	}
	slices.Sort(lines)
	text := strings.Join(lines, "\n") + "\n\n" + w.Body.String()
	return fmt.Sprint(w.Code) + "\n" + varying.ReplaceAllString(text, "*")
}

// crowd is a server with people of every kind; all names have five letters.
func crowd(t *testing.T) *testkit.Server {
	t.Helper()
	s := testkit.StartWithPages(t, unlimited)
	now := time.Now()
	for _, p := range []store.Person{
		{Name: "debra", PasswordHash: s.Person.PasswordHash}, {Name: "nopwd"},
	} {
		p.ID, p.Created, p.PasswordChanged = signin.NewUniqueID(signin.PrefixPerson), now, now.Add(-time.Second)
		if err := s.Store.AddPerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if p.Name == "debra" {
			if err := s.Store.DisablePerson(t.Context(), p.ID, now, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// outsiders are attempts that must look alike: a name and a password.
var outsiders = map[string][2]string{
	"nobody's name":             {"zelda", testkit.Password},
	"a wrong password":          {testkit.Person, "correct horse batterz"},
	"a disabled person":         {"debra", testkit.Password},
	"a person without password": {"nopwd", testkit.Password},
}

// Class: enumeration by answer, CWE-204. Mallory tries names and reads from the answers whose they are. OpenSSH answered
// differently to a broken packet for a name that existed (CVE-2018-15473).
//
// Here every kind of no is the same bytes, until the limits say no to everybody alike; keys that were disabled are as
// unknown as those that never were; and whoever lacks the key or the verifier is not told whether a session or code lives.
func TestAnswersDoNotTellWhoExists(t *testing.T) {
	s := crowd(t)
	c := s.Client()
	page := pageField(t, get(s, authorizePath(c)))
	first, why := "", ""
	for range 7 { // the last ones meet the limit, alike
		first = ""
		for name, attempt := range outsiders {
			answer := same(s.Do(form(s, "/sign-in", "page", page, "username", attempt[0], "password", attempt[1])))
			if first == "" {
				first, why = answer, name
			} else if answer != first {
				t.Fatalf("%s and %s are answered differently:\n%s\n\n%s", why, name, first, answer)
			}
		}
	}
	if !strings.HasPrefix(first, fmt.Sprint(http.StatusTooManyRequests)) {
		t.Errorf("after seven attempts each, the answer is\n%s\nwant 429", first)
	}
	// Clients: an id is public; what is not registered and what cannot be are alike.
	for _, id := range []string{signin.ConfidentialPrefix + "nobody", "nobody", signin.ConfidentialPrefix, strings.Repeat("x", 2048)} {
		if got, want := same(get(s, authorizePath(c, "client_id", id))), same(get(s, authorizePath(c, "client_id", "x"))); got != want {
			t.Errorf("the unknown client %.40q is answered differently:\n%s\n\n%s", id, got, want)
		}
	}
	// Access keys.
	app := s.Confidential(t, "app")
	off := s.AccessKey(t, app.User)
	if err := s.Store.DisableAccessKey(t.Context(), off.AccessKeyID); err != nil {
		t.Fatal(err)
	}
	want := same(signedBy(s, testkit.Credentials{AccessKeyID: signin.NewUniqueID(signin.PrefixAccessKey), SecretAccessKey: strings.Repeat("a", 40)}))
	for name, keys := range map[string]testkit.Credentials{
		"a disabled key": off, "a temporary key": {AccessKeyID: "ASIAAAAAAAAAAAAAAAAA", SecretAccessKey: "x"}, "no kind of key": {AccessKeyID: "x", SecretAccessKey: "x"},
		"a key with a session token": {AccessKeyID: off.AccessKeyID, SecretAccessKey: off.SecretAccessKey, SessionToken: "x"},
	} {
		if got := same(signedBy(s, keys)); got != want {
			t.Errorf("%s is answered differently from an unknown one:\n%s\n\n%s", name, got, want)
		}
	}
}

// The same for codes and sessions, whose end only their owner learns.
func TestStrangersDoNotLearnWhetherASessionLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t, func(c *serverConfig) { c.Lifetimes.Session = time.Hour })
		alice, mallory := s.Client(), s.Client()
		spent := alice.Authorize(t)
		mustRedeem(t, alice, spent)
		live, fresh := mustRedeem(t, alice, alice.Authorize(t)).RefreshToken, alice.Authorize(t)
		revokedCode := alice.Authorize(t)
		revoked := mustRedeem(t, alice, revokedCode).RefreshToken
		alice.Redeem(t, revokedCode).WantFault(t, signin.CodeSpent) // which ends its session
		alice.Refresh(t, revoked).WantFault(t, signin.SessionRevoked)

		same := func(a, b testkit.Answer, what string) {
			t.Helper()
			if a.Status != b.Status || a.AnswerBody != b.AnswerBody {
				t.Errorf("%s: %d %s and %d %s", what, a.Status, a.Body, b.Status, b.Body)
			}
		}
		same(mallory.Redeem(t, fresh), mallory.Redeem(t, spent), "a fresh and a spent code, without the verifier")
		same(mallory.Refresh(t, live), mallory.Refresh(t, revoked), "a live and a revoked session, without the key")
		time.Sleep(s.Config.Lifetimes.Session + time.Second)
		ended := live
		live = mustRedeem(t, alice, alice.Authorize(t)).RefreshToken
		same(mallory.Refresh(t, live), mallory.Refresh(t, ended), "a live and an ended session, without the key")
		// Alice learns that hers is over in either case, in the words that make her tool say so.
		a, b := alice.Refresh(t, ended), alice.Refresh(t, "ASORx")
		if a.Status != http.StatusUnauthorized || b.Status != a.Status || a.Type != b.Type || a.Error != "TOKEN_EXPIRED" || b.Error != a.Error {
			t.Errorf("an ended session and an unknown token: %d %s %s and %d %s %s, want 401 TOKEN_EXPIRED for both", a.Status, a.Type, a.Error, b.Status, b.Type, b.Error)
		}
	})
}

// Class: enumeration by time, CWE-208. Mallory reads from the time of an answer what its words do not say. Vault hashed the
// password of those who exist, and of nobody else (CVE-2025-6011).
//
// Here every attempt hashes a password. What is compared is the quickest of several attempts each, taken in turns. A busy machine
// makes some slower and none quicker, so it is given more attempts until the quickest are alike; without the hash an attempt is
// ten times as quick and more, and stays so however often it is measured.
func TestTimeDoesNotTellWhoExists(t *testing.T) {
	quickest := map[string]time.Duration{}
	for range 10 {
		s := crowd(t) // a new one, which has counted no wrong passwords
		page := pageField(t, get(s, authorizePath(s.Client())))
		for range 4 { // below every limit
			for name, attempt := range outsiders {
				r := form(s, "/sign-in", "page", page, "username", attempt[0], "password", attempt[1])
				began := time.Now()
				if w := s.Do(r); w.Code != status(signin.PasswordWrong) {
					t.Fatalf("%s = %d", name, w.Code)
				}
				if took := time.Since(began); quickest[name] == 0 || took < quickest[name] {
					quickest[name] = took
				}
			}
		}
		most, least := time.Duration(0), time.Hour
		for _, d := range quickest {
			most, least = max(most, d), min(least, d)
		}
		if most <= 3*least {
			return
		}
	}
	t.Errorf("the quickest answers take %v; want none to take three times as long as another", quickest)
}

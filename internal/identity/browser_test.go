package identity

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

const host = "signin.example.com"

// signedIn returns the answer that signs alice in at now.
func (w *world) signedIn(now time.Time) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.SignIn(answer, request(host), w.alice, PasswordMethod, w.asOf(), now)
	return answer
}

func TestCookiesAreKeptFromScriptsAndOtherSites(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		host, prefix string
		secure       bool
	}{
		{host, "__Host-", true},
		{"127.0.0.1:8080", "", false},
		{"unknown.example.net", "__Host-", true}, // as the first base URL
	} {
		answer := httptest.NewRecorder()
		w.SignIn(answer, request(tt.host), w.alice, PasswordMethod, w.asOf(), noon)
		w.RememberRole(answer, request(tt.host), "111122223333/Developer")
		cookies := answer.Result().Cookies()
		if len(cookies) != 3 {
			t.Fatalf("at %s: %d cookies, want 3", tt.host, len(cookies))
		}
		for _, c := range cookies {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != tt.secure ||
				!strings.HasPrefix(c.Name, tt.prefix+"latchkey") || c.MaxAge <= 0 {
				t.Errorf("at %s: cookie %v, want %slatchkey…, HttpOnly, Lax, Path=/, Secure %v", tt.host, c, tt.prefix, tt.secure)
			}
		}
	}
}

func TestSignedInBrowserIsKnownUntilItExpires(t *testing.T) {
	w := newWorld(t)
	r := request(host, w.signedIn(noon))
	in, ok, err := w.Who(t.Context(), r, noon.Add(time.Second))
	if err != nil || !ok || in.PersonID != w.alice.ID || in.Person != "alice" || !in.AuthTime.Equal(noon) || in.Methods != "pwd" {
		t.Errorf("Who = %+v, %v, %v; want alice", in, ok, err)
	}
	must(t, w.Board.Poll(t.Context(), noon.Add(12*time.Hour)))
	if _, ok, _ := w.Who(t.Context(), r, noon.Add(12*time.Hour-time.Second)); !ok {
		t.Error("a second before the end nobody is signed in")
	}
	if _, ok, err := w.Who(t.Context(), r, noon.Add(12*time.Hour)); ok || err != nil {
		t.Errorf("at the end: %v, %v; want nobody", ok, err)
	}
}

func TestForeignCookieIsNobody(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	good := request(host, w.signedIn(noon))
	value, err := good.Cookie("__Host-latchkey")
	must(t, err)
	device, err := good.Cookie("__Host-latchkey-device")
	must(t, err)
	for why, v := range map[string]string{
		"empty": "", "rubbish": "rubbish", "cut": value.Value[:len(value.Value)-1], "changed": "B" + value.Value[1:],
		"a device cookie": device.Value,
	} {
		r := request(host)
		r.AddCookie(&http.Cookie{Name: "__Host-latchkey", Value: v})
		if in, ok, err := w.Who(t.Context(), r, noon); ok || err != nil {
			t.Errorf("%s: Who = %+v, %v, %v; want nobody", why, in, ok, err)
		}
	}
	if _, ok, _ := other.Who(t.Context(), good, noon); ok {
		t.Error("the cookie of one installation was good at another")
	}
	// A cookie without the prefix may have been set by a neighbouring host.
	r := request(host)
	r.AddCookie(&http.Cookie{Name: "latchkey", Value: value.Value})
	if _, ok, _ := w.Who(t.Context(), r, noon); ok {
		t.Error("a cookie without __Host- was good under https")
	}
}

// A copy of the cookie must be dead, too, from the moment of signing out.
func TestSignOutEndsACopiedCookie(t *testing.T) {
	w := newWorld(t)
	first := w.signedIn(noon)
	copied, other := request(host, first), request(host, w.signedIn(noon))
	answer := httptest.NewRecorder()
	must(t, w.SignOut(t.Context(), answer, request(host, first), noon.Add(time.Minute)))
	if _, ok, _ := w.Who(t.Context(), copied, noon.Add(time.Minute)); ok {
		t.Error("a copied cookie is good after signing out")
	}
	if _, ok, _ := w.Who(t.Context(), other, noon.Add(time.Minute)); !ok {
		t.Error("signing out of one browser ended another")
	}
	after := request(host, first, answer)
	if _, err := after.Cookie("__Host-latchkey"); err == nil {
		t.Error("the browser keeps its cookie")
	}
	if d := w.Device(after, noon); d.PersonID != w.alice.ID {
		t.Errorf("device after signing out = %+v, want one known to alice", d)
	}
	// And on another node, which hears of it from the store.
	ns, err := w.store.NoticesAfter(t.Context(), 0, 100)
	if err != nil || len(ns) == 0 || ns[len(ns)-1].Reason != signin.SignedOutBrowser || !ns[len(ns)-1].Expires.Equal(noon.Add(12*time.Hour)) {
		t.Errorf("notices = %+v, %v; want the last to be of the browser, until the cookie would expire", ns, err)
	}
}

// Attack: sign a cookie out again and again, each of which every node must hear of and remember.
func TestSigningOutAgainGivesNoNotice(t *testing.T) {
	w := newWorld(t)
	r := request(host, w.signedIn(noon))
	for range 10 {
		must(t, w.SignOut(t.Context(), httptest.NewRecorder(), r, noon.Add(time.Minute)))
	}
	ns, err := w.store.NoticesAfter(t.Context(), 0, 100)
	if err != nil || len(ns) != 2 { // one is of bob
		t.Errorf("ten times signed out gave %d notices, %v; want 1 beside bob's", len(ns), err)
	}
}

func TestSignOutOfNobodyIsNoError(t *testing.T) {
	w := newWorld(t)
	if err := w.SignOut(t.Context(), httptest.NewRecorder(), request(host), noon); err != nil {
		t.Errorf("SignOut = %v, want nil", err)
	}
}

// A changed password and a disabled person end what is signed in.
func TestBrowserIsOverWhenThePersonChanges(t *testing.T) {
	for why, change := range map[string]func(*world) error{
		"password changed": func(w *world) error {
			return w.store.SetPassword(t.Context(), w.alice.ID, cheap, noon, noon.Add(time.Hour))
		},
		"disabled": func(w *world) error {
			return w.store.DisablePerson(t.Context(), w.alice.ID, noon, noon.Add(time.Hour))
		},
		"disabled and enabled again": func(w *world) error {
			if err := w.store.DisablePerson(t.Context(), w.alice.ID, noon, noon.Add(time.Hour)); err != nil {
				return err
			}
			return w.store.EnablePerson(t.Context(), w.alice.ID)
		},
	} {
		w := newWorld(t)
		r := request(host, w.signedIn(noon))
		must(t, change(w))
		must(t, w.Board.Poll(t.Context(), noon))
		if _, ok, err := w.Who(t.Context(), r, noon.Add(time.Second)); ok || err != nil {
			t.Errorf("%s: Who = %v, %v; want nobody", why, ok, err)
		}
		if why == "disabled" {
			continue
		}
		again := request(host, w.signedIn(noon.Add(2*time.Second)))
		if _, ok, err := w.Who(t.Context(), again, noon.Add(3*time.Second)); !ok || err != nil {
			t.Errorf("%s: after signing in again Who = %v, %v; want alice", why, ok, err)
		}
	}
}

// A node that has not heard of notices cannot know who signed out.
func TestBrowserIsRefusedWhileNoticesAreNotHeard(t *testing.T) {
	w := newWorld(t)
	r := request(host, w.signedIn(noon))
	if _, _, err := w.Who(t.Context(), r, noon.Add(11*time.Minute)); signin.KindOf(err) != signin.Overloaded {
		t.Errorf("Who = %v, want Overloaded", err)
	}
}

func TestDeviceStaysTheSameForAPerson(t *testing.T) {
	w := newWorld(t)
	first := w.signedIn(noon)
	before := w.Device(request(host, first), noon)
	second := httptest.NewRecorder()
	w.SignIn(second, request(host, first), w.alice, PasswordMethod, w.asOf(), noon.Add(time.Hour))
	after := w.Device(request(host, first, second), noon.Add(time.Hour))
	if before.ID != after.ID || after.PersonID != w.alice.ID || !after.Issued.Equal(noon.Add(time.Hour)) {
		t.Errorf("device was %+v, is %+v; want the same with a new time", before, after)
	}
	third := httptest.NewRecorder()
	w.SignIn(third, request(host, first, second), w.bob, PasswordMethod, w.asOf(), noon.Add(time.Hour))
	if d := w.Device(request(host, third), noon.Add(time.Hour)); d.ID == before.ID || d.PersonID != w.bob.ID {
		t.Errorf("device of the next person = %+v, want another", d)
	}
	if d := w.Device(request(host, second), noon.Add(time.Hour+deviceLifetime+time.Second)); d.PersonID != "" {
		t.Errorf("device after %v = %+v, want none", deviceLifetime, d)
	}
}

func TestLastRoleSurvivesOddNames(t *testing.T) {
	w := newWorld(t)
	const role = "111122223333/a,b=c@d+e.f_g-h"
	answer := httptest.NewRecorder()
	w.RememberRole(answer, request(host), role)
	if got := w.LastRole(request(host, answer)); got != role {
		t.Errorf("LastRole = %q, want %q", got, role)
	}
}

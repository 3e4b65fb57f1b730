package identity

import (
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
)

func TestHashedPasswordMatchesOnlyItself(t *testing.T) {
	const password = " Grüße aus Bern  "
	text, err := HashPassword(password)
	if err != nil {
		t.Fatalf("HashPassword(%q): %v", password, err)
	}
	if !strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("HashPassword = %q, want a PHC string with m=19456,t=2,p=1", text)
	}
	h, err := parseHash(text)
	if err != nil {
		t.Fatalf("parseHash(%q): %v", text, err)
	}
	// Nothing is trimmed or folded.
	for typed, want := range map[string]bool{
		password: true, "Grüße aus Bern": false, " grüße aus bern  ": false, password + "\n": false, "": false,
	} {
		if got := h.matches(typed); got != want {
			t.Errorf("matches(%q) = %v, want %v", typed, got, want)
		}
	}
	again, err := HashPassword(password)
	if err != nil || again == text {
		t.Errorf("HashPassword twice = %q and %q (%v), want two salts", text, again, err)
	}
}

func TestNewPasswordHasBounds(t *testing.T) {
	for password, want := range map[string]bool{
		"1234567":                            false,
		"12345678":                           true,
		"äöüäöüä":                            false, // seven characters, though fourteen bytes
		strings.Repeat("x", MaxPassword+1):   false,
		strings.Repeat("x", MaxPassword-1):   true,
		strings.Repeat("€", MaxPassword/3+1): false,
	} {
		_, err := HashPassword(password)
		if got := err == nil; got != want {
			t.Errorf("HashPassword of %d bytes: %v, want accepted %v", len(password), err, want)
		}
		if err != nil && signin.KindOf(err) != signin.ParameterInvalid {
			t.Errorf("HashPassword of %d bytes: kind %v, want ParameterInvalid", len(password), signin.KindOf(err))
		}
	}
}

const (
	salt = "c2FsdHNhbHRzYWx0c2FsdA"
	sum  = "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
)

func TestParseHashTakesOnlyOneSpelling(t *testing.T) {
	phc := func(cost string) string { return "$argon2id$v=19$" + cost + "$" + salt + "$" + sum }
	for text, want := range map[string]bool{
		phc("m=19456,t=2,p=1"):                                 true,
		phc("m=262144,t=16,p=8"):                               true,
		phc("m=64,t=1,p=8"):                                    true,
		phc("m=63,t=1,p=8"):                                    false, // RFC 9106: m is at least 8p
		phc("m=262145,t=1,p=1"):                                false,
		phc("m=19456,t=17,p=1"):                                false,
		phc("m=19456,t=2,p=9"):                                 false,
		phc("m=0,t=2,p=1"):                                     false,
		phc("m=19456,t=0,p=1"):                                 false,
		phc("m=019456,t=2,p=1"):                                false,
		phc("m=+19456,t=2,p=1"):                                false,
		phc("t=2,m=19456,p=1"):                                 false,
		phc("m=19456,t=2"):                                     false,
		phc("m=19456,t=2,p=1,keyid=x"):                         false,
		phc("m=99999999999999999999,t=2,p=1"):                  false,
		phc("m=19456,t=2,p=1") + "$":                           false,
		" " + phc("m=19456,t=2,p=1"):                           false,
		"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + sum:    false,
		"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + sum:   false,
		"$argon2id$m=19456,t=2,p=1$" + salt + "$" + sum:        false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "==$" + sum: false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt[:20] + "\n" + salt[20:] + "$" + sum: false,
		"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$" + sum:                               false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$aGFzaA":                         false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + sum[:42] + "h":              false, // trailing bits
		"$2b$12$abcdefghijklmnopqrstuv":                                              false,
		"":                                                                           false,
	} {
		if _, err := parseHash(text); (err == nil) != want {
			t.Errorf("parseHash(%q): %v, want accepted %v", text, err, want)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + sum)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + salt)
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			if len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Errorf("parseHash(%q) says its input in the error: %v", text, err)
			}
			return
		}
		if got := h.String(); got != text {
			t.Errorf("parseHash(%q) is a second spelling of %q", text, got)
		}
		if h.memory > maxMemory || h.time > maxTime || h.threads > maxThreads || len(h.sum) > maxSum || len(h.salt) > maxSalt {
			t.Errorf("parseHash(%q) = %+v, beyond the bounds", text, h)
		}
	})
}

// The example is of the reference implementation (phc-winner-argon2, src/test.c), so hashes of other programs are good.
func TestHashOfAnotherProgramMatches(t *testing.T) {
	h, err := parseHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil {
		t.Fatal(err)
	}
	if !h.matches("password") || h.matches("differentpassword") {
		t.Error("the reference hash does not match its password, or matches another")
	}
}

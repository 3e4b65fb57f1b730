package rootkey

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

var (
	label  = keyring.Label{ID: 7, Purpose: "seal"}
	secret = []byte("thirty-two bytes of a ring key..")
)

// testRoot is what every root key must do, whichever service is behind it. foreign is another key of that service; denial
// is what it says of what it did not wrap where that is not ErrWrongRoot.
func testRoot(t *testing.T, w, foreign keyring.Wrapper, denial string) {
	t.Helper()
	ctx := t.Context()
	for _, size := range []int{1, 32, 138, 185, maxSecret} {
		want := bytes.Repeat([]byte{0xa5}, size)
		wrapped, err := w.Wrap(ctx, label, want)
		if err != nil {
			t.Fatalf("Wrap(%d bytes) = %v", size, err)
		}
		if size >= 16 && bytes.Contains(wrapped, want) { // a shorter one is there by chance
			t.Errorf("Wrap(%d bytes) shows them", size)
		}
		if got, err := w.Unwrap(ctx, label, wrapped); err != nil || !bytes.Equal(got, want) {
			t.Errorf("Unwrap(Wrap(%d bytes)) = %x, %v", size, got, err)
		}
	}
	wrapped, err := w.Wrap(ctx, label, secret)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Wrap(ctx, label, secret)
	if err != nil || bytes.Equal(wrapped, again) {
		t.Errorf("wrapping twice gives the same, %v", err)
	}
	altered := bytes.Clone(wrapped)
	altered[len(altered)-3] ^= 1
	for name, try := range map[string]func() ([]byte, error){
		"another id":      func() ([]byte, error) { return w.Unwrap(ctx, keyring.Label{ID: 8, Purpose: "seal"}, wrapped) },
		"another purpose": func() ([]byte, error) { return w.Unwrap(ctx, keyring.Label{ID: 7, Purpose: "access-key"}, wrapped) },
		"altered":         func() ([]byte, error) { return w.Unwrap(ctx, label, altered) },
		"cut":             func() ([]byte, error) { return w.Unwrap(ctx, label, wrapped[:len(wrapped)/2]) },
		"something else":  func() ([]byte, error) { return w.Unwrap(ctx, label, []byte("x")) },
	} {
		if got, err := try(); !errors.Is(err, keyring.ErrWrongRoot) || got != nil {
			t.Errorf("%s: Unwrap = %q, %v, want ErrWrongRoot", name, got, err)
		}
	}
	got, err := foreign.Unwrap(ctx, label, wrapped)
	if denied := denial != "" && err != nil && strings.Contains(err.Error(), denial); got != nil || !denied && !errors.Is(err, keyring.ErrWrongRoot) {
		t.Errorf("another key: Unwrap = %q, %v, want ErrWrongRoot", got, err)
	}
	for _, size := range []int{0, maxSecret + 1} {
		if _, err := w.Wrap(ctx, label, make([]byte, size)); err == nil {
			t.Errorf("Wrap(%d bytes) = nil, want an error", size)
		}
	}
}

// wantWords fails unless err has all of the words, and nothing that must not be shown.
func wantWords(t *testing.T, name string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want one with %q", name, words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %q, want %q in it", name, err, w)
		}
	}
	for _, hidden := range []string{testToken, string(secret), "dGhpcnR5LXR3by", "AKIDEXAMPLE", "ECHO"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: %q shows %q", name, err, hidden)
		}
	}
}

func TestEndpointsAreOfHTTPS(t *testing.T) {
	for text, want := range map[string]string{
		"https://vault.example.com:8200": "", "https://vault.example.com/": "", "http://127.0.0.1:8200": "", "http://[::1]:1": "", "http://localhost:8200": "",
		"http://vault.example.com": "must be https", "http://127.0.0.1.example.com": "must be https", "http://10.0.0.1": "must be https",
		"https://a.example/v1": "more than a scheme", "https://a@b.example": "more than a scheme", "https://a.example?x": "more than a scheme",
		"https://a.example?": "more than a scheme", "https://a.example#x": "more than a scheme",
		"": "is not a URL", "vault.example.com": "is not a URL", "ftp://vault.example.com": "is not a URL", "https://": "is not a URL", "https://:8200": "is not a URL",
	} {
		err := CheckEndpoint(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckEndpoint(%q) = %v, want %q", text, err, want)
		}
	}
}

// A service may answer with anything, as what it was asked to unwrap.
func FuzzSecretOf(f *testing.F) {
	good, err := payload(label, secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(label.String())])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := secretOf(label, text)
		if err != nil {
			if got != nil || !errors.Is(err, keyring.ErrWrongRoot) {
				t.Errorf("secretOf(%q) = %q, %v", text, got, err)
			}
			return
		}
		again, err := payload(label, got)
		if err != nil || !bytes.Equal(again, text) {
			t.Errorf("secretOf(%q) = %q, whose payload is %q, %v", text, got, again, err)
		}
	})
}

package seal

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// oneKey is a ring of a single key.
type oneKey struct{ *Key }

func (k oneKey) SealingKey(time.Time) *Key { return k.Key }
func (k oneKey) SealKey(id uint32) (*Key, bool) {
	return k.Key, id == k.ID()
}

func newKey(t testing.TB, id uint32, fill byte, issuer string) oneKey {
	t.Helper()
	k, err := NewKey(id, bytes.Repeat([]byte{fill}, KeySize), issuer)
	if err != nil {
		t.Fatal(err)
	}
	return oneKey{k}
}

var at = time.Date(2026, 11, 21, 20, 30, 15, 0, time.UTC)

func longestAuthorization() signin.Authorization {
	return signin.Authorization{
		ID: signin.NewSessionID(at), Salt: [16]byte{1, 2, 3},
		ClientID:  signin.ConfidentialPrefix + strings.Repeat("c", 26),
		Redirect:  signin.HashRedirect("http://127.0.0.1:1/"),
		Challenge: signin.Challenge{9, 9},
		Principal: signin.Principal{
			Account: "999999999999", Role: strings.Repeat("R", 64), RoleID: signin.NewUniqueID(signin.PrefixRole),
			Person: strings.Repeat("p", 64), PersonID: signin.NewUniqueID(signin.PrefixPerson),
		},
		AuthTime: at.Add(-time.Hour + 123*time.Millisecond), Issued: at.Add(999 * time.Millisecond),
		Expires: at.Add(10 * time.Minute), Methods: "pwd otp hwk",
	}
}

func longestSession() signin.Session {
	a := longestAuthorization()
	return signin.Begin(a, signin.Thumbprint{7, 7, 7}, at, signin.DefaultLifetimes())
}

func TestCodeCarriesEveryFactWithinItsLength(t *testing.T) {
	keys := newKey(t, 7, 1, "https://a.example")
	want := longestAuthorization()
	code := SealCode(keys.Key, want)
	if len(code) > MaxCode {
		t.Errorf("the longest code has %d characters, want at most %d", len(code), MaxCode)
	}
	got, err := OpenCode(keys, code)
	if err != nil {
		t.Fatalf("OpenCode: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("OpenCode (-want +got):\n%s", diff)
	}
}

func TestRefreshTokenCarriesEveryFact(t *testing.T) {
	keys := newKey(t, 7, 1, "https://a.example")
	want := longestSession()
	token := SealRefresh(keys.Key, want, 42)
	if !strings.HasPrefix(token, RefreshPrefix) || len(token) > MaxRefresh {
		t.Errorf("SealRefresh = %d characters beginning %q", len(token), token[:4])
	}
	got, step, err := OpenRefresh(keys, token)
	if err != nil || step != 42 {
		t.Fatalf("OpenRefresh = step %d, %v, want 42, nil", step, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("OpenRefresh (-want +got):\n%s", diff)
	}
}

func TestSessionTokenCarriesEveryFactButTheKey(t *testing.T) {
	keys := newKey(t, 7, 1, "https://a.example")
	want := longestSession()
	token, sealed := SealSession(keys.Key, want, 3, at.Add(time.Minute))
	if len(token) > MaxSessionToken {
		t.Errorf("SealSession = %d characters, want at most %d", len(token), MaxSessionToken)
	}
	got, err := OpenSession(keys, token)
	if err != nil || got.Step != 3 || got.SealKey != keys.Key || !bytes.Equal(got.Facts, sealed) || !got.Expires.Equal(at.Add(time.Minute)) {
		t.Fatalf("OpenSession = step %d, expires %v, same facts %v, %v", got.Step, got.Expires, bytes.Equal(got.Facts, sealed), err)
	}
	want.Key = signin.Thumbprint{}
	if diff := cmp.Diff(want, got.Session); diff != "" {
		t.Errorf("OpenSession (-want +got):\n%s", diff)
	}
}

func TestCookiesAndPagesCarryEveryFact(t *testing.T) {
	keys := newKey(t, 7, 1, "i")
	b := Browser{ID: [16]byte{1}, PersonID: "AIDA1", Person: "alice", AuthTime: at.Add(time.Millisecond), Expires: at, Methods: "pwd"}
	if got, err := OpenBrowser(keys, SealBrowser(keys.Key, b)); err != nil || got != b {
		t.Errorf("OpenBrowser = %+v, %v, want %+v", got, err, b)
	}
	p := Page{Request: signin.Request{
		ClientID: signin.SameDevice, RedirectURI: strings.Repeat("u", signin.MaxRedirectURI),
		Challenge: signin.Challenge{1}, State: strings.Repeat("s", 128), Resource: strings.Repeat("r", 2048),
	}, Session: signin.NewSessionID(at), Salt: [16]byte{5}, Issued: at}
	if got, err := OpenPage(keys, SealPage(keys.Key, p)); err != nil || got != p {
		t.Errorf("OpenPage = %+v, %v, want %+v", got, err, p)
	}
	d := Device{ID: [16]byte{2}, PersonID: "AIDA2", Issued: at}
	if got, err := OpenDevice(keys, SealDevice(keys.Key, d)); err != nil || got != d {
		t.Errorf("OpenDevice = %+v, %v, want %+v", got, err, d)
	}
	c := Cursor{List: "ListResourcePermissionStatements", Account: "111122223333", After: strings.Repeat("s", 65)}
	if got, err := OpenCursor(keys, SealCursor(keys.Key, c)); err != nil || got != c {
		t.Errorf("OpenCursor = %+v, %v, want %+v", got, err, c)
	}
}

// A refresh is repeatable because sealing is: no randomness, no time.
func TestSameFactsGiveTheSameBytes(t *testing.T) {
	a, b := newKey(t, 7, 1, "i"), newKey(t, 7, 1, "i")
	s := longestSession()
	if SealRefresh(a.Key, s, 1) != SealRefresh(b.Key, s, 1) {
		t.Error("two nodes with one key made different refresh tokens of one step")
	}
	if SealRefresh(a.Key, s, 1) == SealRefresh(a.Key, s, 2) {
		t.Error("two steps have one refresh token")
	}
}

// Attack: bring an envelope of one kind where another is expected, or one of another installation.
func TestEnvelopeOpensOnlyAsWhatItIs(t *testing.T) {
	keys := newKey(t, 7, 1, "https://a.example")
	code := SealCode(keys.Key, longestAuthorization())
	refresh := SealRefresh(keys.Key, longestSession(), 0)
	if _, _, err := OpenRefresh(keys, RefreshPrefix+code); err != ErrNotOurs {
		t.Errorf("OpenRefresh of a code = %v, want ErrNotOurs", err)
	}
	if _, err := OpenCode(keys, strings.TrimPrefix(refresh, RefreshPrefix)); err != ErrNotOurs {
		t.Errorf("OpenCode of a refresh token = %v, want ErrNotOurs", err)
	}
	if _, err := OpenBrowser(keys, code); err != ErrNotOurs {
		t.Errorf("OpenBrowser of a code = %v, want ErrNotOurs", err)
	}
	for name, other := range map[string]oneKey{
		"another issuer": newKey(t, 7, 1, "https://b.example"),
		"another secret": newKey(t, 7, 2, "https://a.example"),
		"another key id": newKey(t, 8, 1, "https://a.example"),
	} {
		if _, err := OpenCode(other, code); err != ErrNotOurs {
			t.Errorf("OpenCode under %s = %v, want ErrNotOurs", name, err)
		}
	}
}

// Attack: change a bit anywhere.
func TestEveryBitIsAuthenticated(t *testing.T) {
	keys := newKey(t, 7, 1, "i")
	token := SealRefresh(keys.Key, longestSession(), 0)
	envelope, err := base64.RawURLEncoding.DecodeString(token[len(RefreshPrefix):])
	if err != nil {
		t.Fatal(err)
	}
	for i := range envelope {
		for bit := range 8 {
			altered := bytes.Clone(envelope)
			altered[i] ^= 1 << bit
			if _, _, err := OpenRefresh(keys, RefreshPrefix+base64.RawURLEncoding.EncodeToString(altered)); err != ErrNotOurs {
				t.Fatalf("OpenRefresh with bit %d of byte %d changed = %v, want ErrNotOurs", bit, i, err)
			}
		}
	}
	for n := range envelope {
		if _, _, err := OpenRefresh(keys, RefreshPrefix+base64.RawURLEncoding.EncodeToString(envelope[:n])); err != ErrNotOurs {
			t.Fatalf("OpenRefresh cut to %d bytes = %v, want ErrNotOurs", n, err)
		}
	}
}

func TestUnknownVersionIsRefused(t *testing.T) {
	keys := newKey(t, 7, 1, "i")
	w := newWriter(nil)
	writeSession(&w, longestSession())
	w.raw(make([]byte, 32))
	w.number(0)
	w.b[0] = factsVersion + 1
	token := RefreshPrefix + base64.RawURLEncoding.EncodeToString(keys.appendSeal(nil, kindRefresh, w.b))
	if _, _, err := OpenRefresh(keys, token); err != ErrNotOurs {
		t.Errorf("OpenRefresh of version %d = %v, want ErrNotOurs", w.b[0], err)
	}
}

func TestDeriveSeparatesLabelsAndParts(t *testing.T) {
	k := newKey(t, 1, 1, "i").Key
	seen := map[[32]byte]string{}
	for name, sum := range map[string][32]byte{
		"a|":     k.Derive("a"),
		"b|":     k.Derive("b"),
		"a|xy":   k.Derive("a", []byte("xy")),
		"a|x|y":  k.Derive("a", []byte("x"), []byte("y")),
		"a|xy|":  k.Derive("a", []byte("xy"), nil),
		"ax|y":   k.Derive("ax", []byte("y")),
		"issuer": newKey(t, 1, 1, "j").Derive("a"),
	} {
		if other, ok := seen[sum]; ok {
			t.Errorf("Derive gives %s and %s the same bytes", name, other)
		}
		seen[sum] = name
	}
}

// FuzzOpen brings foreign bytes to every opener, and sealed but arbitrary facts to every reader.
func FuzzOpen(f *testing.F) {
	k, err := NewKey(7, bytes.Repeat([]byte{1}, KeySize), "i")
	if err != nil {
		f.Fatal(err)
	}
	keys := oneKey{k}
	f.Add([]byte(SealCode(k, longestAuthorization())))
	f.Add([]byte(SealRefresh(k, longestSession(), 1)))
	w := newWriter(nil)
	writeSession(&w, longestSession())
	f.Add(w.b)
	f.Fuzz(func(t *testing.T, b []byte) {
		text := string(b)
		OpenCode(keys, text)
		OpenRefresh(keys, text)
		OpenSession(keys, text)
		OpenBrowser(keys, text)
		OpenPage(keys, text)
		OpenDevice(keys, text)
		OpenCursor(keys, text)
		for kd := kindCode; kd < kinds; kd++ {
			sealed := base64.RawURLEncoding.EncodeToString(k.appendSeal(nil, kd, b))
			OpenCode(keys, sealed)
			OpenBrowser(keys, sealed)
			OpenPage(keys, sealed)
			OpenDevice(keys, sealed)
			OpenCursor(keys, sealed)
			OpenRefresh(keys, RefreshPrefix+sealed)
		}
	})
}

func BenchmarkRefreshToken(b *testing.B) {
	keys := newKey(b, 7, 1, "http://127.0.0.1:8080")
	s := longestSession()
	s.Principal.Role, s.Principal.Person, s.ClientID = "Developer", "alice", signin.SameDevice
	token := SealRefresh(keys.Key, s, 1)
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			SealRefresh(keys.Key, s, 1)
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			OpenRefresh(keys, token)
		}
	})
}

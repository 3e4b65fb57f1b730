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

// longestGrant is a session of a dynamic client with the longest names.
func longestGrant() signin.Session {
	s := longestSession()
	s.ClientID = "https://" + strings.Repeat("c", signin.MaxDynamicClientID-len("https://"))
	s.Resource = "https://" + strings.Repeat("r", signin.MaxResource-len("https://"))
	return s
}

func TestDynamicCodeCarriesEveryFactWithinItsLength(t *testing.T) {
	keys := newKey(t, 7, 1, "https://a.example")
	want := longestAuthorization()
	want.ClientID, want.Client = "", signin.HashClient(longestGrant().ClientID)
	want.Resource, want.Scope = signin.HashResource(longestGrant().Resource), signin.ScopeOpenID|signin.ScopeOffline
	want.AsOf = 1 << 60
	code := SealCode(keys.Key, want)
	if len(code) > MaxCode {
		t.Errorf("the longest code of a dynamic client has %d characters, want at most %d", len(code), MaxCode)
	}
	got, err := OpenCode(keys, code)
	if err != nil {
		t.Fatalf("OpenCode: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("OpenCode (-want +got):\n%s", diff)
	}
}

func TestPageOfDynamicClientFitsItsField(t *testing.T) {
	keys := newKey(t, 7, 1, "i")
	p := Page{Request: signin.Request{
		ClientID: longestGrant().ClientID, RedirectURI: strings.Repeat("u", signin.MaxRedirectURI), Challenge: signin.Challenge{1},
		State: strings.Repeat("s", 1024), Resource: longestGrant().Resource, Scope: signin.ScopeOffline,
	}, Session: signin.NewSessionID(at), Salt: [16]byte{5}, Issued: at}
	if got, err := OpenPage(keys, SealPage(keys.Key, p)); err != nil || got != p {
		t.Errorf("OpenPage = %+v, %v, want %+v", got, err, p)
	}
}

func TestGrantCarriesEveryFactWithinItsLength(t *testing.T) {
	keys := newKey(t, 7, 1, "https://a.example")
	want := longestGrant()
	token := SealGrant(keys.Key, want, 1<<40)
	if !strings.HasPrefix(token, RefreshPrefix) || len(token) > MaxRefresh {
		t.Errorf("SealGrant = %d characters beginning %q, want at most %d", len(token), token[:4], MaxRefresh)
	}
	got, generation, err := OpenGrant(keys, token)
	if err != nil || generation != 1<<40 {
		t.Fatalf("OpenGrant = generation %d, %v, want %d, nil", generation, err, int64(1<<40))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("OpenGrant (-want +got):\n%s", diff)
	}
	if again := SealGrant(keys.Key, want, 1<<40); again != token {
		t.Error("one generation has two refresh tokens")
	}
	if next := SealGrant(keys.Key, want, 1<<40+1); next == token {
		t.Error("two generations have one refresh token")
	}
}

func TestAccessTokenCarriesEveryFactWithinItsLength(t *testing.T) {
	keys := newKey(t, 7, 1, "https://a.example")
	want := AccessToken{Session: longestGrant(), Generation: 3, Issued: at, Expires: at.Add(time.Hour)}
	token := SealAccess(keys.Key, want)
	if !strings.HasPrefix(token, AccessPrefix) || len(token) > MaxAccess {
		t.Errorf("SealAccess = %d characters beginning %q, want at most %d", len(token), token[:4], MaxAccess)
	}
	got, err := OpenAccess(keys, token)
	if err != nil {
		t.Fatalf("OpenAccess: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("OpenAccess (-want +got):\n%s", diff)
	}
}

// Attack: bring the refresh token of one kind of client as that of another, which would escape the strict rotation or the
// key; or an access token as a refresh token, which would make an hour twelve.
func TestGrantsOpenOnlyAsWhatTheyAre(t *testing.T) {
	keys := newKey(t, 7, 1, "https://a.example")
	s := longestGrant()
	refresh := SealRefresh(keys.Key, s, 0)
	grant := SealGrant(keys.Key, s, 0)
	access := SealAccess(keys.Key, AccessToken{Session: s, Issued: at, Expires: at})
	asRefresh := RefreshPrefix + strings.TrimPrefix(access, AccessPrefix)
	asAccess := AccessPrefix + strings.TrimPrefix(grant, RefreshPrefix)
	for name, err := range map[string]error{
		"OpenGrant of a devtools refresh token": second(OpenGrant(keys, refresh)),
		"OpenRefresh of a grant":                second(OpenRefresh(keys, grant)),
		"OpenGrant of an access token":          second(OpenGrant(keys, access)),
		"OpenGrant of an access token, renamed": second(OpenGrant(keys, asRefresh)),
		"OpenAccess of a grant":                 only(OpenAccess(keys, grant)),
		"OpenAccess of a grant, renamed":        only(OpenAccess(keys, asAccess)),
		"OpenGrant under another issuer":        second(OpenGrant(newKey(t, 7, 1, "https://b.example"), grant)),
		"OpenAccess under another issuer":       only(OpenAccess(newKey(t, 7, 1, "https://b.example"), access)),
		"OpenGrant of half a grant":             second(OpenGrant(keys, grant[:len(grant)/2])),
	} {
		if err != ErrNotOurs {
			t.Errorf("%s = %v, want ErrNotOurs", name, err)
		}
	}
}

func second(_ signin.Session, _ int64, err error) error { return err }
func only(_ AccessToken, err error) error               { return err }

// FuzzOpenGrant brings foreign bytes to the openers of what dynamic clients hold, and sealed but arbitrary facts to their
// readers. Whatever opens must seal to the same again, or two texts would be one token.
func FuzzOpenGrant(f *testing.F) {
	k, err := NewKey(7, bytes.Repeat([]byte{1}, KeySize), "i")
	if err != nil {
		f.Fatal(err)
	}
	keys := oneKey{k}
	s := longestGrant()
	f.Add([]byte(SealGrant(k, s, 1)))
	f.Add([]byte(SealAccess(k, AccessToken{Session: s, Generation: 1, Issued: at, Expires: at})))
	w := newWriter(nil)
	writeSession(&w, s)
	w.raw(s.Key[:])
	w.text(s.Resource)
	w.number(1)
	f.Add(w.b)
	w.seconds(at)
	w.seconds(at)
	f.Add(w.b)
	f.Fuzz(func(t *testing.T, b []byte) {
		OpenGrant(keys, string(b))
		OpenAccess(keys, string(b))
		grant := RefreshPrefix + base64.RawURLEncoding.EncodeToString(k.appendSeal(nil, kindGrant, b))
		if s, generation, err := OpenGrant(keys, grant); err == nil {
			again, n, err := OpenGrant(keys, SealGrant(k, s, generation))
			if err != nil && len(grant) < MaxRefresh-64 || err == nil && (n != generation || again.ID != s.ID || again.Resource != s.Resource) {
				t.Errorf("a grant that opens is another when it is sealed again: %v", err)
			}
		}
		access := AccessPrefix + base64.RawURLEncoding.EncodeToString(k.appendSeal(nil, kindAccess, b))
		if token, err := OpenAccess(keys, access); err == nil {
			again, err := OpenAccess(keys, SealAccess(k, token))
			if err != nil && len(access) < MaxAccess-64 || err == nil && (again.Generation != token.Generation || !again.Expires.Equal(token.Expires)) {
				t.Errorf("an access token that opens is another when it is sealed again: %v", err)
			}
		}
		code := base64.RawURLEncoding.EncodeToString(k.appendSeal(nil, kindCode, b))
		if a, err := OpenCode(keys, code); err == nil && !signin.ValidScope(a.Scope) {
			t.Errorf("a code opens with scope %d", a.Scope)
		}
	})
}

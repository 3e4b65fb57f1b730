package trust_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/trust"
)

func (w *world) good(t *testing.T) string { return w.Token(t, w.Claims(audience, "alice", nil)) }

// wants checks that taking token at now ends with that kind, where Internal stands for success, and costs the issuer that many
// requests; -1: however many.
func (w *world) wants(t *testing.T, what, token string, now time.Time, want signin.Kind, requests int) {
	t.Helper()
	err := w.take(t, token, now)
	if got := signin.KindOf(err); got != want || want == signin.Internal && err != nil {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
	if n := w.Requests(); n != requests && requests >= 0 {
		t.Errorf("%s: %d requests to the issuer, want %d", what, n, requests)
	}
}

const taken = signin.Internal

// An issuer rotates its keys as it likes: a token by a key that is new is taken, at the price of one look at the key set,
// and one by a key that was taken out of the set is refused once the set was read again.
func TestKeysRotate(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	first := w.Key()
	long := w.Claims(audience, "alice", map[string]any{"exp": now.Add(24 * time.Hour).Unix()})
	w.wants(t, "the first token", w.Token(t, long), now, taken, 2) // discovery and keys
	w.wants(t, "the next one", w.Token(t, long), now.Add(trust.Fresh-time.Second), taken, 0)
	w.Rotate(t, "ES256")
	w.wants(t, "by a new key", w.Token(t, long), now.Add(trust.Again), taken, 2)
	w.wants(t, "by the old key", first.Sign(t, long, nil), now.Add(trust.Again), taken, 0)
	w.Hide()
	at := now.Add(trust.Again + trust.Fresh)
	w.wants(t, "by a key that is published no more", first.Sign(t, long, nil), at, signin.SubjectTokenInvalid, 2)
	w.wants(t, "by the key that is", w.Token(t, long), at, taken, 0)
}

// Attack: make the server ask an issuer without end, by tokens that name keys which do not exist. Nothing about them is
// signed, so anybody can make them.
func TestUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.wants(t, "a good token", w.good(t), now, taken, 2)
	bad := func(i int) string {
		return w.Key().Sign(t, w.Claims(audience, "alice", nil), map[jose.HeaderKey]any{"kid": fmt.Sprint("none", i)})
	}
	for i := range 100 {
		w.wants(t, "an unknown key", bad(i), now.Add(time.Duration(i)*time.Second/4), signin.SubjectTokenInvalid, 0)
	}
	w.wants(t, "half a minute later", bad(1), now.Add(trust.Again), signin.SubjectTokenInvalid, 2)
	w.wants(t, "and a good token", w.good(t), now.Add(trust.Again), taken, 0)
}

// An issuer that is away for a while hurts nobody who was there before: its keys are used on for an hour. Then, and where it
// was never reached, the answer is that it is not available, until it comes back.
func TestIssuerGoesAwayAndComesBack(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	long := func() string {
		return w.Token(t, w.Claims(audience, "alice", map[string]any{"exp": now.Add(24 * time.Hour).Unix()}))
	}
	w.GoAway(true)
	w.wants(t, "never reached", long(), now, signin.IssuerUnavailable, 2) // both kinds of discovery
	w.wants(t, "again at once", long(), now.Add(trust.Retry-time.Second), signin.IssuerUnavailable, 0)
	w.GoAway(false)
	now = now.Add(trust.Retry)
	w.wants(t, "it is there", long(), now, taken, 2)
	w.GoAway(true)
	w.wants(t, "the keys are fresh", long(), now.Add(trust.Fresh-time.Second), taken, 0)
	w.wants(t, "they are not, and it is away", long(), now.Add(trust.Fresh), taken, 2)
	w.wants(t, "still away", long(), now.Add(trust.Stale-trust.Retry-time.Second), taken, -1)
	w.Rotate(t, "ES256")
	w.wants(t, "a key that was never seen", long(), now.Add(trust.Stale-time.Second), signin.IssuerUnavailable, -1)
	w.wants(t, "for too long", long(), now.Add(trust.Stale), signin.IssuerUnavailable, -1)
	w.GoAway(false)
	w.wants(t, "back", long(), now.Add(trust.Stale+trust.Retry), taken, -1)
}

// Discovery documents and key sets are an issuer's word about itself, and no more.
func TestDocumentsThatAreNotTheIssuers(t *testing.T) {
	discovery := func(w *world, more string) string {
		return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q%s}`, w.URL, w.URL+testkit.JWKSPath, more)
	}
	for _, tt := range []struct {
		name, path string
		document   func(w *world) string
		want       signin.Kind
	}{
		{"of another issuer", "/.well-known/openid-configuration", func(w *world) string {
			return fmt.Sprintf(`{"issuer":"https://evil.test","jwks_uri":%q}`, w.URL+testkit.JWKSPath)
		}, signin.IssuerUnavailable},
		{"with the issuer twice", "/.well-known/openid-configuration", func(w *world) string { return discovery(w, `,"issuer":"https://evil.test"`) }, signin.IssuerUnavailable},
		{"with keys on a plain site", "/.well-known/openid-configuration", func(w *world) string {
			return fmt.Sprintf(`{"issuer":%q,"jwks_uri":"http://keys.example.com/"}`, w.URL)
		}, signin.IssuerUnavailable},
		{"with keys in a file", "/.well-known/openid-configuration", func(w *world) string {
			return fmt.Sprintf(`{"issuer":%q,"jwks_uri":"file:///etc/passwd"}`, w.URL)
		}, signin.IssuerUnavailable},
		{"without keys", "/.well-known/openid-configuration", func(w *world) string { return fmt.Sprintf(`{"issuer":%q}`, w.URL) }, signin.IssuerUnavailable},
		{"that is a page", "/.well-known/openid-configuration", func(*world) string { return "<html>" }, signin.IssuerUnavailable},
		{"that is too long", "/.well-known/openid-configuration", func(w *world) string { return discovery(w, `,"x":"`+strings.Repeat("x", 64<<10)+`"`) }, signin.IssuerUnavailable},
		{"with more in it", "/.well-known/openid-configuration", func(w *world) string { return discovery(w, `,"x":[1]`) }, taken},
		{"no keys at all", testkit.JWKSPath, func(*world) string { return `{"keys":[]}` }, signin.IssuerUnavailable},
		{"a secret key", testkit.JWKSPath, func(w *world) string { return `{"keys":[{"kty":"oct","kid":"` + w.Key().ID + `","k":"AAAA"}]}` }, signin.IssuerUnavailable},
		{"a private key", testkit.JWKSPath, func(w *world) string {
			b, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: w.Key().Private, KeyID: w.Key().ID}}})
			return string(b)
		}, signin.IssuerUnavailable},
		{"a key for encryption", testkit.JWKSPath, func(w *world) string {
			b, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: w.Key().Private.Public(), KeyID: w.Key().ID, Use: "enc"}}})
			return string(b)
		}, signin.IssuerUnavailable},
		{"a key of a kind of the future beside the right one", testkit.JWKSPath, func(w *world) string {
			b, _ := json.Marshal(jose.JSONWebKey{Key: w.Key().Private.Public(), KeyID: w.Key().ID})
			return `{"keys":[{"kty":"AKP","kid":"x"},` + string(b) + `]}`
		}, taken},
		{"too many keys", testkit.JWKSPath, func(*world) string { return `{"keys":[` + strings.Repeat(`{},`, 200) + `{}]}` }, signin.IssuerUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Reply(tt.path, tt.document(w))
			w.wants(t, tt.name, w.good(t), time.Now(), tt.want, -1)
		})
	}
}

// An issuer that has only the metadata of RFC 8414, or whose rules say where the keys are.
func TestWhereKeysAreFound(t *testing.T) {
	w := newWorld(t)
	w.Reply("/.well-known/oauth-authorization-server", fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, w.URL, w.URL+testkit.JWKSPath))
	w.Reply("/.well-known/openid-configuration", "nothing")
	w.wants(t, "broken OpenID configuration", w.good(t), time.Now(), signin.IssuerUnavailable, 1)
	w.rules.JWKSURI = w.URL + testkit.JWKSPath
	w.wants(t, "the rules say where", w.good(t), time.Now(), taken, 1)

	path := newWorld(t)
	origin := path.URL
	path.URL += "/tenant/"
	path.Reply("/.well-known/oauth-authorization-server/tenant", fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, path.URL, origin+testkit.JWKSPath))
	path.wants(t, "RFC 8414, with a path", path.good(t), time.Now(), taken, 3)
}

// Keys of private networks are for rules that allow it.
func TestPrivateIssuersMustBeAllowed(t *testing.T) {
	w := newWorld(t)
	w.rules.AllowPrivate = false
	w.wants(t, "an issuer on this machine", w.good(t), time.Now(), signin.IssuerUnavailable, 0)
	w.rules.JWKSURI = w.URL + testkit.JWKSPath
	w.wants(t, "the same, by jwks_uri", w.good(t), time.Now(), signin.IssuerUnavailable, 0)
}

// counting is a Fetcher that takes its time.
type counting struct {
	world *world
	calls atomic.Int64
	pause time.Duration
	fail  atomic.Bool
}

func (c *counting) Get(ctx context.Context, url string, _ int64) ([]byte, http.Header, error) {
	c.calls.Add(1)
	select {
	case <-time.After(c.pause):
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if c.fail.Load() {
		return nil, nil, fmt.Errorf("away")
	}
	k := c.world.Key()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.Private.Public(), KeyID: k.ID}}})
	return b, nil, err
}

// Many tokens at once cost one fetch, also when whoever came first leaves; and an issuer that hangs holds up nobody whose
// key is here.
func TestManyAskOnce(t *testing.T) {
	w := newWorld(t)
	w.rules.JWKSURI = "https://idp.example.com/keys"
	synctest.Test(t, func(t *testing.T) {
		f := &counting{world: w, pause: 3 * time.Second}
		w.keys = trust.NewKeys(f, f)
		now := time.Now()
		token := w.Token(t, map[string]any{"iss": w.URL, "aud": audience, "sub": "alice", "exp": now.Add(time.Hour).Unix()})
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		read, err := trust.Read(token)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := w.verify(impatient, read, now); err == nil {
				t.Error("whoever left has an answer")
			}
		})
		synctest.Wait()
		for range 20 {
			wg.Go(func() {
				if err := w.verify(t.Context(), read, now); err != nil {
					t.Errorf("verify = %v", err)
				}
			})
		}
		wg.Wait()
		if n := f.calls.Load(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
		// Now it hangs for longer than anybody waits.
		f.pause = time.Hour
		at := now.Add(trust.Fresh)
		if err := w.verify(t.Context(), read, at); err != nil {
			t.Errorf("the first one while the issuer hangs: %v, want the keys that were there", err)
		}
		began := time.Now()
		for i := range 10 {
			if err := w.verify(t.Context(), read, at.Add(time.Duration(i)*trust.Retry)); err != nil {
				t.Errorf("while the issuer hangs: %v", err)
			}
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("those after it waited %v", took)
		}
		time.Sleep(time.Minute) // the fetch under way is given up
	})
}

// Attack: more requests wait for an issuer that hangs than the server can hold. The rest is told to come again.
func TestFewWaitForAnIssuer(t *testing.T) {
	w := newWorld(t)
	w.rules.JWKSURI = "https://idp.example.com/keys"
	synctest.Test(t, func(t *testing.T) {
		f := &counting{world: w, pause: time.Hour}
		w.keys = trust.NewKeys(f, f)
		now := time.Now()
		read, err := trust.Read(w.Token(t, map[string]any{"iss": w.URL, "aud": audience, "sub": "alice", "exp": now.Add(time.Hour).Unix()}))
		if err != nil {
			t.Fatal(err)
		}
		kinds := make(chan signin.Kind, 200)
		for range cap(kinds) {
			go func() { kinds <- signin.KindOf(w.verify(t.Context(), read, now)) }()
		}
		counts := map[signin.Kind]int{}
		for range cap(kinds) {
			counts[<-kinds]++
		}
		if counts[signin.Overloaded] != 200-64 || counts[signin.IssuerUnavailable] != 64 {
			t.Errorf("of 200, %v; want 64 that waited", counts)
		}
	})
}

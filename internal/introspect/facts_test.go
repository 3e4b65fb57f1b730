package introspect

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// oneKey is a ring of one key.
type oneKey struct{ *seal.Key }

func (k oneKey) SealingKey(time.Time) *seal.Key             { return k.Key }
func (k oneKey) SealKey(id uint32) (key *seal.Key, ok bool) { return k.Key, id == k.ID() }

// Nothing opens that was not sealed here, whatever is done to what was.
func FuzzOpen(f *testing.F) {
	key, err := seal.NewKey(7, make([]byte, seal.KeySize), "https://signin.example.com")
	if err != nil {
		f.Fatal(err)
	}
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	s := signin.Session{
		ID: signin.SessionID{1}, ClientID: signin.DynamicClientID("us-east-1", signin.SessionID{2}), Resource: "https://mcp.example.com",
		Principal: signin.Principal{Account: "111122223333", Role: "Agent", RoleID: signin.UniqueID(signin.PrefixRole, [10]byte{3}), Person: "alice", PersonID: signin.UniqueID(signin.PrefixPerson, [10]byte{4})},
		AuthTime:  at, Issued: at, Start: at, End: at.Add(12 * time.Hour), Methods: "pwd",
	}
	sealed := []string{
		seal.SealAccess(key, seal.AccessToken{Session: s, Issued: at, Expires: at.Add(time.Hour)}),
		seal.SealGrant(key, s, 3), seal.SealRefresh(key, s, 4),
	}
	names := map[string]bool{}
	for _, token := range sealed {
		f.Add(token)
		f.Add(token[:len(token)-1])
		f.Add(token[:4] + sealed[0][4:])
		opened, ok := open(oneKey{key}, token)
		if !ok {
			f.Fatalf("%.4s… does not open", token)
		}
		names[opened.id()] = true
	}
	if len(names) != len(sealed) {
		f.Fatalf("%d tokens have %d names", len(sealed), len(names))
	}
	f.Fuzz(func(t *testing.T, token string) {
		// Line ends within are passed over when a token is decoded.
		plain := strings.NewReplacer("\r", "", "\n", "").Replace(token)
		if _, ok := open(oneKey{key}, token); ok && !slices.Contains(sealed, plain) {
			t.Errorf("%q opens, which was not sealed", token)
		}
	})
}

package identity

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

const (
	password = "correct horse battery"
	// cheap is password at the lowest cost, for tests that are not about the cost.
	cheap = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$uxWTSOnvlCJwDdrvGjf7x3xvw771mTCJHUN5gdfCrTw"
)

// world is a database with alice, and bob who is disabled, and what it takes to know their browsers.
type world struct {
	*Browsers
	*Authenticator
	store      *sqlite.Store
	alice, bob store.Person
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, made := t.Context(), noon.Add(-time.Hour)
	db, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "latchkey.db"), made, sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	root, err := keyring.ParseRoot(keyring.NewRootKey())
	must(t, err)
	ring, err := keyring.Open(ctx, db, root, keyring.Options{
		Issuer: "https://signin.example.com", Algorithm: "ES256", Rotate: 720 * time.Hour, Publish: time.Minute, Longest: 13 * time.Hour,
	}, made)
	must(t, err)
	board, err := notice.Open(ctx, db, 10*time.Minute, noon)
	must(t, err)
	w := &world{
		store:         db,
		Authenticator: NewAuthenticator(db),
		Browsers: &Browsers{
			Keys: ring, Board: board, People: db, Lifetime: 12 * time.Hour,
			Base: []string{"https://signin.example.com", "http://127.0.0.1:8080"},
		},
	}
	w.alice = w.add(t, "alice", cheap)
	w.bob = w.add(t, "bob", cheap)
	must(t, db.DisablePerson(ctx, w.bob.ID, made, noon))
	return w
}

func (w *world) add(t *testing.T, name, hash string) store.Person {
	t.Helper()
	made := noon.Add(-time.Hour)
	p := store.Person{ID: signin.NewUniqueID(signin.PrefixPerson), Name: name, PasswordHash: hash, Created: made, PasswordChanged: made}
	must(t, w.store.AddPerson(t.Context(), p))
	return p
}

// asOf is what a page finds before it looks anybody up.
func (w *world) asOf() int64 {
	asOf, err := w.Board.CatchUp(context.Background(), noon)
	if err != nil {
		panic(err)
	}
	return asOf
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// request returns a request to host with the cookies that answers set, and have not taken away.
func request(host string, answers ...*httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = host
	jar := map[string]*http.Cookie{}
	for _, w := range answers {
		for _, c := range w.Result().Cookies() {
			jar[c.Name] = c
			if c.MaxAge < 0 {
				delete(jar, c.Name)
			}
		}
	}
	for _, c := range jar {
		r.AddCookie(c)
	}
	return r
}

package bench

import (
	"context"
	"crypto/ecdsa"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// login is a session as a client's cache file holds it.
type login struct {
	key          *ecdsa.PrivateKey
	refreshToken string
}

// loginCount is how many sessions refresh in turn: more than there are connections.
const loginCount = 64

// refreshes makes the requests that AWS SDKs send with grant_type refresh_token.
type refreshes struct {
	host, url string
	logins    []login
}

func newRefreshes(host, url string, logins []login) refreshes {
	return refreshes{host: host, url: url, logins: logins}
}

func (w refreshes) requests(_ context.Context, n int, now time.Time) ([][]byte, error) {
	return inParallel(n, func(i int) []byte { return w.request(i%len(w.logins), now) }), nil
}

// request returns the request that refreshes the session with that index.
func (w refreshes) request(i int, now time.Time) []byte {
	l := w.logins[i]
	body := `{"clientId":"` + signin.SameDevice + `","grantType":"refresh_token","refreshToken":"` + l.refreshToken + `"}`
	return load.Token(w.host, w.url, body, l.key, now)
}

// standInLogins returns sessions that no server knows, whose refresh tokens are about as long as real ones.
func standInLogins() []login {
	logins := make([]login, loginCount)
	for i := range logins {
		logins[i] = login{key: testkit.NewKey(), refreshToken: "ASOR" + strings.Repeat("r", 300)}
	}
	return logins
}

// inParallel calls make for 0 to n−1, on every core, and returns the results in that order. The cores are free: no
// server has work while requests are made.
func inParallel(n int, make1 func(int) []byte) [][]byte {
	all := make([][]byte, n)
	workers := runtime.GOMAXPROCS(0)
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			for i := w; i < n; i += workers {
				all[i] = make1(i)
			}
		})
	}
	working.Wait()
	return all
}

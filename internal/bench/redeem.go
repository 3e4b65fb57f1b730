package bench

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	redirectURI = "http://127.0.0.1:35587/oauth/callback"
	// verifier has the length and the characters of the AWS CLI's.
	verifier = "u~Taf.7xvLJ9EcCTAvQmRpWgvpARfdT10IZ-mY2D6SrssorhOCZLVYvj~bXdeVFa"
)

// redemptions makes the request that the AWS CLI sends with grant_type authorization_code, each with a code of its own.
type redemptions struct {
	host, url string
	keys      []*ecdsa.PrivateKey
	mint      func(now time.Time) string // returns a code; called from several goroutines
}

func newRedemptions(host, url string, mint func(time.Time) string) redemptions {
	return redemptions{host: host, url: url, keys: newKeys(), mint: mint}
}

// newKeys returns the keys of redemptions. A login makes a key of its own. Some hundred are as good here: the service
// remembers nothing of a key.
func newKeys() []*ecdsa.PrivateKey {
	keys := make([]*ecdsa.PrivateKey, 256)
	for i := range keys {
		keys[i] = testkit.NewKey()
	}
	return keys
}

func (w redemptions) requests(_ context.Context, n int, now time.Time) ([][]byte, error) {
	return inParallel(n, func(i int) []byte {
		return w.request(w.keys[i%len(w.keys)], now)
	}), nil
}

func (w redemptions) request(key *ecdsa.PrivateKey, now time.Time) []byte {
	body := `{"clientId": "` + signin.SameDevice + `", "grantType": "authorization_code", "code": "` + w.mint(time.Now()) +
		`", "codeVerifier": "` + verifier + `", "redirectUri": "` + redirectURI + `"}`
	return load.Token(w.host, w.url, body, key, now)
}

// redeem redeems a code at address for a session of a key of its own.
func (w redemptions) redeem(ctx context.Context, address string) (login, error) {
	key := testkit.NewKey()
	answer, err := exchange(ctx, address, w.request(key, time.Now()))
	if err != nil {
		return login{}, fmt.Errorf("sign in: %w", err)
	}
	var body struct {
		RefreshToken string `json:"refreshToken"`
	}
	if err := json.Unmarshal(answer.Body, &body); err != nil {
		return login{}, fmt.Errorf("sign in: answer: %w", err)
	}
	if body.RefreshToken == "" {
		return login{}, errors.New("sign in: the answer has no refresh token")
	}
	return login{key, body.RefreshToken}, nil
}

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/load"
)

// peerRedemptions makes the token requests of an OAuth client (RFC 6749 section 4.1.3), each with a code of its own.
type peerRedemptions struct {
	host string
	redemptions
}

func (w peerRedemptions) requests(ctx context.Context, n int, now time.Time) ([][]byte, error) {
	codes, err := peerCodes(ctx, w.host, n)
	if err != nil {
		return nil, err
	}
	return inParallel(n, func(i int) []byte {
		form := url.Values{
			"client_id": {peerClient}, "grant_type": {"authorization_code"}, "code": {codes[i]},
			"code_verifier": {verifier}, "redirect_uri": {redirectURI},
		}
		return load.Form(w.host, peerTokenPath, form.Encode(), w.keys[i%len(w.keys)], now)
	}), nil
}

// peerRefreshes makes refreshes (RFC 6749 section 6). By its defaults the peer gives a client whose tokens are bound to a
// key the same refresh token again for most of its life, so that there is no chain to follow.
type peerRefreshes struct {
	host, scope string
	logins      []login
}

func (w peerRefreshes) requests(_ context.Context, n int, now time.Time) ([][]byte, error) {
	return inParallel(n, func(i int) []byte {
		l := w.logins[i%len(w.logins)]
		form := url.Values{
			"client_id": {peerClient}, "grant_type": {"refresh_token"}, "refresh_token": {l.refreshToken}, "scope": {w.scope},
		}
		return load.Form(w.host, peerTokenPath, form.Encode(), l.key, now)
	}), nil
}

// peerCodes has the peer make n codes.
func peerCodes(ctx context.Context, host string, n int) ([]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%s/mint?n=%d", host, n), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the peer for codes: %w", err)
	}
	defer resp.Body.Close()
	var codes []string
	if err := json.NewDecoder(resp.Body).Decode(&codes); err != nil {
		return nil, fmt.Errorf("codes of the peer: %w", err)
	}
	if resp.StatusCode != http.StatusOK || len(codes) != n {
		return nil, fmt.Errorf("the peer made %d codes with status %d, want %d", len(codes), resp.StatusCode, n)
	}
	return codes, nil
}

// peerSignIn redeems codes for as many sessions as refreshes need.
func peerSignIn(ctx context.Context, host string) ([]login, error) {
	work := peerRedemptions{host, newRedemptions("", "", nil)}
	requests, err := work.requests(ctx, loginCount, time.Now())
	if err != nil {
		return nil, err
	}
	logins := make([]login, loginCount)
	for i, request := range requests {
		answer, err := exchange(ctx, host, request)
		if err != nil {
			return nil, fmt.Errorf("sign in to the peer: %w", err)
		}
		var body struct {
			RefreshToken string `json:"refresh_token"`
		}
		if err := json.Unmarshal(answer.Body, &body); err != nil || body.RefreshToken == "" {
			return nil, fmt.Errorf("sign in to the peer: the answer has no refresh token (%v)", err)
		}
		logins[i] = login{key: work.keys[i], refreshToken: body.RefreshToken}
	}
	return logins, nil
}

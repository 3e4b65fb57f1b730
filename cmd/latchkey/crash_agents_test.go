package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// agentWorkers is how many agents are at work until the server is killed.
const agentWorkers = 6

// crashAgent is a client that registered itself, and how far its refresh tokens got.
type crashAgent struct {
	id       string // empty when no answer to the registration came
	code     string
	verifier string
	used     string     // the refresh token before, which was answered
	token    string     // the refresh token that was answered last; empty: none was
	pending  url.Values // the request that was cut off; nil: none was
	cutOff   time.Time
	revoked  bool   // the end of the session was asked for
	over     bool   // and that was answered
	wrong    string // an answer of before the kill that is not what it should be
}

// granted is what an agent reads.
type granted struct {
	Status       int
	ID           string `json:"client_id"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error_description"`
}

// loadAgents registers agents and refreshes until the server is gone. It returns the last of each worker, whose requests
// were cut off, and others, which went well.
func (c *crashSite) loadAgents() []*crashAgent {
	var mu sync.Mutex
	var all []*crashAgent
	var work sync.WaitGroup
	for i := range agentWorkers {
		work.Go(func() {
			for {
				a := &crashAgent{verifier: rand.Text() + rand.Text()}
				err := c.live(a, 1+i)
				mu.Lock()
				all = append(all, a)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	work.Wait()
	return all
}

// live takes a through a registration, an authorization and that many refreshes. Some sessions are ended.
func (c *crashSite) live(a *crashAgent, refreshes int) error {
	g, err := c.send("/v1/register", "application/json", `{"redirect_uris":["`+crashRedirect+`"]}`)
	if a.id = g.ID; err != nil {
		return err
	}
	if a.code, err = c.authorizeAgent(a); err != nil {
		return err
	}
	form := a.redemption()
	for range refreshes + 1 {
		a.pending = form
		g, err := c.sendForm(form)
		if err != nil {
			a.cutOff = time.Now()
			return err
		}
		if g.Status != http.StatusOK {
			a.wrong = fmt.Sprint(g.Status, " ", g.Error)
			return errors.New(a.wrong)
		}
		a.used, a.token, a.pending = a.token, g.RefreshToken, nil
		form = a.refresh(a.token, "")
	}
	if refreshes%2 == 0 {
		a.revoked = true
		g, err := c.send("/v1/revoke", "application/x-www-form-urlencoded", url.Values{"token": {a.token}, "client_id": {a.id}}.Encode())
		if err != nil {
			return err
		}
		a.over = g.Status == http.StatusOK
	}
	return nil
}

func (a *crashAgent) redemption() url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {a.id}, "code": {a.code}, "code_verifier": {a.verifier},
		"redirect_uri": {crashRedirect}, "resource": {sampleResource},
	}
}

// refresh returns the request of a that brings token. With a mark it is another request than without.
func (a *crashAgent) refresh(token, mark string) url.Values {
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {a.id}, "refresh_token": {token}, "resource": {sampleResource}}
	if mark != "" {
		form.Set("x", mark)
	}
	return form
}

// checkAgents holds the server to what it answered agents before it was killed: a registration is there, the newest refresh
// token is good, and none is good twice.
func (c *crashSite) checkAgents(t *testing.T, agents []*crashAgent) {
	t.Helper()
	for _, a := range agents {
		if a.wrong != "" {
			t.Errorf("before the crash, an agent read %s", a.wrong)
		}
		if a.id == "" || a.wrong != "" {
			continue
		}
		if _, err := c.authorizeAgent(a); err != nil {
			t.Errorf("a registration that was answered before the crash: %v", err)
		}
		late := c.repeat(t, a)
		switch {
		case a.over:
			if g, err := c.sendForm(a.refresh(a.token, "")); err != nil || g.Status != http.StatusBadRequest || !strings.Contains(g.Error, "revoked") {
				t.Errorf("refresh after a revocation that was answered before the crash = %d %s, %v, want 400", g.Status, g.Error, err)
			}
		case a.revoked, a.token == "", late:
		default:
			c.checkGeneration(t, a)
		}
	}
}

// repeat sends the request of a that was cut off again, unless it was one that redeems a code, which comes once. It tells
// whether it came too late to be known as the same.
func (c *crashSite) repeat(t *testing.T, a *crashAgent) (late bool) {
	t.Helper()
	if a.pending == nil || a.token == "" {
		return false
	}
	g, err := c.sendForm(a.pending)
	if time.Since(a.cutOff) > 9*time.Second && g.Status == http.StatusBadRequest {
		return true
	}
	if err != nil || g.Status != http.StatusOK {
		t.Errorf("a refresh that was cut off, sent again after %v = %d %s, %v, want 200", time.Since(a.cutOff).Round(time.Millisecond), g.Status, g.Error, err)
		return true
	}
	if again, err := c.sendForm(a.pending); err != nil || again.Status == http.StatusOK && again != g {
		t.Errorf("sent once more, it is answered otherwise: %v", err)
	}
	a.used, a.token = a.token, g.RefreshToken
	return false
}

// checkGeneration refreshes with the newest token of a, and then brings those of before, which end the session.
func (c *crashSite) checkGeneration(t *testing.T, a *crashAgent) {
	t.Helper()
	if g, err := c.sendForm(a.refresh(a.token, "newest")); err != nil || g.Status != http.StatusOK {
		t.Errorf("refresh with a token that was answered before the crash = %d %s, %v, want 200", g.Status, g.Error, err)
		return
	}
	old := a.token
	if a.used != "" {
		old = a.used
	}
	if g, err := c.sendForm(a.refresh(old, "again")); err != nil || g.Status != http.StatusBadRequest || !strings.Contains(g.Error, "used before") {
		t.Errorf("a token that was used before the crash = %d %s, %v, want 400", g.Status, g.Error, err)
	}
}

func (c *crashSite) authorizeAgent(a *crashAgent) (code string, err error) {
	sum := sha256.Sum256([]byte(a.verifier))
	r, err := c.client.Get("http://" + c.addr + "/v1/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {a.id}, "redirect_uri": {crashRedirect}, "resource": {sampleResource},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	to, err := r.Location()
	if err != nil || to.Query().Get("code") == "" {
		return "", fmt.Errorf("authorize answered %s to %v: %w", r.Status, to, err)
	}
	return to.Query().Get("code"), nil
}

func (c *crashSite) sendForm(form url.Values) (granted, error) {
	return c.send("/v1/token", "application/x-www-form-urlencoded", form.Encode())
}

func (c *crashSite) send(path, contentType, body string) (g granted, err error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+c.addr+path, strings.NewReader(body))
	if err != nil {
		return g, err
	}
	r.Header.Set("Content-Type", contentType)
	r.GetBody = nil // nothing is sent again by itself
	answer, err := c.client.Do(r)
	if err != nil {
		return g, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &g)
	}
	g.Status = answer.StatusCode
	return g, err
}

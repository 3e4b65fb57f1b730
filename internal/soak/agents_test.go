package soak

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	// agentEvery is the pace of agents' logins; in each are some refreshes, and questions about what they gave.
	agentEvery = 25 * time.Millisecond
	// registerEvery is how many logins a registration is used for.
	registerEvery = 10
	inForms       = "application/x-www-form-urlencoded"
	inJSON        = "application/json"
)

// startAgents lets agents come until ctx ends, and an administrator work beside them.
func (tr *traffic) startAgents(ctx context.Context, running *sync.WaitGroup) {
	for i := range 2 {
		running.Go(func() {
			id := ""
			for n := i; ctx.Err() == nil; n += 2 {
				began := time.Now()
				if n/2%registerEvery == 0 || id == "" {
					id = tr.register()
				}
				if id != "" {
					tr.actAsAgent(n, id)
				}
				time.Sleep(max(time.Since(began), 2*agentEvery-time.Since(began)))
			}
		})
	}
	running.Go(func() {
		for ctx.Err() == nil {
			tr.rule()
			time.Sleep(200 * time.Millisecond)
		}
	})
}

// told is what agents and callers read.
type told struct {
	ID           string `json:"client_id"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Active       bool   `json:"active"`
	StatementID  string `json:"statementId"`
}

// ask sends a request. Any answer but want is noted.
func (tr *traffic) ask(what, path, contentType, body string, want int, sign func(*http.Request)) (out told) {
	r, err := http.NewRequest(http.MethodPost, "http://"+tr.addr+path, strings.NewReader(body))
	if err != nil {
		panic(err) // the target is an address
	}
	r.Header.Set("Content-Type", contentType)
	if sign != nil {
		sign(r)
	}
	answer, err := tr.client.Do(r)
	if err != nil {
		tr.note(what + ": no answer")
		return out
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &out)
	}
	tr.asked.Add(1)
	if err != nil || answer.StatusCode != want {
		tr.note(fmt.Sprintf("%s: %d, want %d: %.200s", what, answer.StatusCode, want, b))
	}
	return out
}

// signed is ask for a request that the auditor signs.
func (tr *traffic) signed(what, path, body string) told {
	return tr.ask(what, path, inJSON, body, http.StatusOK, func(r *http.Request) {
		tr.auditor.Sign(r, []byte(body), testkit.Scope{Service: "signin", Region: "us-east-1", At: tr.now()})
	})
}

// register registers a client and returns its id.
func (tr *traffic) register() string {
	return tr.ask("registration", "/v1/register", inJSON, `{"redirect_uris":["`+redirect+`"],"client_name":"Agent"}`, http.StatusOK, nil).ID
}

// actAsAgent redeems a code of a client of that id, refreshes, has the tokens asked about, and in the end uses a token twice,
// or logs out.
func (tr *traffic) actAsAgent(n int, id string) {
	verifier := rand.Text() + rand.Text()
	code := tr.agentCode(tr.people[n%len(tr.people)], id, verifier)
	form := func(what string, want int, fields url.Values) told {
		fields.Set("client_id", id)
		return tr.ask(what, "/v1/token", inForms, fields.Encode(), want, nil)
	}
	bring := func(what, token, mark string, want int) told {
		return form(what, want, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "x": {mark}})
	}
	granted := form("redemption by an agent", http.StatusOK, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {redirect},
	})
	first := granted.RefreshToken
	for range 3 {
		if granted.RefreshToken == "" {
			return
		}
		granted = bring("refresh by an agent", granted.RefreshToken, "", http.StatusOK)
		tr.rotations.Add(1)
	}
	tr.wantActive(granted.AccessToken, true)
	tr.signed("a token for a program", "/v1/token?x-amz-client-auth-method=iam", `{"grant_type":"client_credentials","resource":"`+resource+`"}`)
	switch n % 8 {
	case 0:
		bring("a token that was used", first, "again", http.StatusBadRequest)
	case 1:
		tr.ask("log out", "/v1/revoke", inForms, url.Values{"token": {granted.RefreshToken}, "client_id": {id}}.Encode(), http.StatusOK, nil)
	case 2:
		tr.signed("revocation", "/v1/revoke?x-amz-client-auth-method=iam", `{"token":"`+granted.RefreshToken+`"}`)
	default:
		return
	}
	tr.ended.Add(1)
	bring("refresh after the end", granted.RefreshToken, "", http.StatusBadRequest)
	tr.wantActive(granted.AccessToken, false)
}

func (tr *traffic) wantActive(token string, want bool) {
	if token == "" {
		return // was noted
	}
	if a := tr.signed("a question about a token", "/v1/introspect?x-amz-client-auth-method=iam", `{"token":"`+token+`"}`); a.Active != want {
		tr.note(fmt.Sprintf("a token is active: %v, want %v", a.Active, want))
	}
}

// rule puts a statement, reads all, and takes it away again; console authorization is off, so it keeps nobody out. Strangers
// name clients that there are not.
func (tr *traffic) rule() {
	s := tr.signed("a statement", "/put-resource-permission-statement", `{"sourceIp":"203.0.113.0/24"}`)
	tr.signed("the statements", "/list-resource-permission-statements", "{}")
	if s.StatementID != "" {
		tr.signed("a statement less", "/delete-resource-permission-statement", `{"statementId":"`+s.StatementID+`"}`)
	}
	tr.ask("a stranger", "/v1/token", inForms, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"ASORx"}, "client_id": {signin.DynamicClientID("us-east-1", signin.NewSessionID(tr.now()))},
	}.Encode(), http.StatusUnauthorized, nil)
}

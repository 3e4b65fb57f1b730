package browser

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// The client ids of `aws login` and `aws login --remote`.
const (
	sameDevice  = "arn:aws:signin:::devtools/same-device"
	crossDevice = "arn:aws:signin:::devtools/cross-device"
)

// program stands in for the AWS CLI: it asks for a code, listens for the answer, and redeems it.
type program struct {
	base     string // of the server
	client   string
	redirect string
	state    string
	verifier string
	key      *ecdsa.PrivateKey
	resource string // that a client which registered itself wants tokens for; empty: it is another client

	visits chan url.Values // the queries that browsers came to the redirect URI with
}

// newProgram is `aws login` after it printed its link.
func newProgram(t *testing.T, s *server) *program {
	t.Helper()
	p := plainProgram(t, s, sameDevice)
	p.listen(t, "/oauth/callback")
	return p
}

// newRemoteProgram is `aws login --remote` after it printed its link. No browser can reach it.
func newRemoteProgram(t *testing.T, s *server) *program {
	t.Helper()
	p := plainProgram(t, s, crossDevice)
	p.redirect = s.base + "/v1/sessions/confirmation"
	return p
}

func plainProgram(t *testing.T, s *server, client string) *program {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &program{base: s.base, client: client, state: rand.Text(), verifier: rand.Text() + rand.Text(), key: key}
}

// listen takes a port for the redirect URI and answers like the CLI: 200 to whoever comes.
func (p *program) listen(t *testing.T, path string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.redirect = "http://" + listener.Addr().String() + path
	p.visits = make(chan url.Values, 16)
	callback := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		p.visits <- r.URL.Query()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Done</title><h1>`+callbackHeading+`</h1></html>`)
	})}
	go callback.Serve(listener)
	t.Cleanup(func() { callback.Close() })
}

// callbackHeading is what the program's own page says.
const callbackHeading = "The program has its answer"

// link returns what the program opens the browser with, in the CLI's order of parameters.
func (p *program) link() string {
	challenge := sha256.Sum256([]byte(p.verifier))
	if p.resource != "" {
		return p.base + "/v1/authorize?" + url.Values{
			"response_type": {"code"}, "client_id": {p.client}, "state": {p.state}, "code_challenge_method": {"S256"},
			"code_challenge": {encode(challenge[:])}, "redirect_uri": {p.redirect}, "resource": {p.resource},
		}.Encode()
	}
	return p.base + "/v1/authorize?response_type=code" +
		"&client_id=" + url.QueryEscape(p.client) +
		"&state=" + p.state +
		"&code_challenge_method=SHA-256" +
		"&scope=openid" +
		"&redirect_uri=" + url.QueryEscape(p.redirect) +
		"&code_challenge=" + encode(challenge[:])
}

// answer waits for the browser to come and returns what it brought, which must have the state of the request.
func (p *program) answer(t *testing.T) url.Values {
	t.Helper()
	select {
	case query := <-p.visits:
		if got := query.Get("state"); got != p.state {
			t.Errorf("state at the callback = %q, want %q", got, p.state)
		}
		return query
	case <-time.After(patience):
		t.Fatalf("no browser came to %s", p.redirect)
		return nil
	}
}

// code waits for the browser to come with a code.
func (p *program) code(t *testing.T) string {
	t.Helper()
	query := p.answer(t)
	if query.Get("code") == "" || query.Has("error") {
		t.Fatalf("callback with %v, want a code", query)
	}
	return query.Get("code")
}

// unanswered fails the test if a browser came that answer did not return.
func (p *program) unanswered(t *testing.T) {
	t.Helper()
	select {
	case query := <-p.visits:
		t.Errorf("callback with %v, want none", query)
	default:
	}
}

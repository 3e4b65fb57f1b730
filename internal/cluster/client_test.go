package cluster

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const redirect = "http://127.0.0.1:35587/oauth/callback"

// browser is a person's browser.
type browser struct {
	cookies map[string]string
}

// visit sends a request for the page target at a node, with form when there is one.
func (b *browser) visit(n *node, target string, form url.Values) (status int, location, body string, err error) {
	method, sent := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, sent = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, "http://"+n.address+target, sent)
	if err != nil {
		return 0, "", "", err
	}
	r.Host = strings.TrimPrefix(base, "https://")
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", base)
	}
	answer, err := n.do(r)
	if err != nil {
		return 0, "", "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, "", "", err
	}
	for _, cookie := range answer.Cookies() {
		if b.cookies[cookie.Name] = cookie.Value; cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		}
	}
	return answer.StatusCode, answer.Header.Get("Location"), string(text), nil
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

// fields returns the hidden fields of a page, and the given ones: a name and a value each.
func fields(page string, more ...string) url.Values {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// login is one way of one client: from the code on it is a session.
type login struct {
	number   int
	person   int
	agent    *agent // nil: the tool that everybody has
	key      *ecdsa.PrivateKey
	verifier string
	code     string
	at       time.Time // when it was approved

	mu    sync.Mutex
	id    signin.SessionID // from the first answer
	token string           // the refresh token that came last; empty: no answer came
	// generation is that of token, of an agent.
	generation int64
}

func (l *login) now() (signin.SessionID, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id, l.token
}

func (l *login) keep(id signin.SessionID, token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id, l.token = id, token
}

// keepGeneration is keep for an agent. An answer that comes late does not replace a newer one.
func (l *login) keepGeneration(id signin.SessionID, token string, generation int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.token == "" || generation > l.generation {
		l.id, l.token, l.generation = id, token, generation
	}
}

// newest returns the newest refresh token of an agent, and its generation.
func (l *login) newest() (string, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.token, l.generation
}

func newLogin(person int) *login {
	return &login{person: person, key: testkit.NewKey(), verifier: rand.Text() + rand.Text()}
}

func (l *login) authorizeTarget() string {
	if l.agent != nil {
		return l.agent.authorizeTarget(l.verifier)
	}
	sum := sha256.Sum256([]byte(l.verifier))
	return "/v1/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {signin.SameDevice}, "redirect_uri": {redirect},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"SHA-256"}, "scope": {"openid"},
	}.Encode()
}

// thumbprint is what a session is bound to by the key.
func (l *login) thumbprint() signin.Thumbprint {
	point, err := l.key.PublicKey.Bytes()
	if err != nil {
		panic(err) // every key of a test is on its curve
	}
	enc := base64.RawURLEncoding
	return sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + enc.EncodeToString(point[1:33]) + `","y":"` + enc.EncodeToString(point[33:]) + `"}`))
}

// request is a token request, which may be sent more than once.
type request struct {
	body  []byte
	form  bool // of an agent
	proof string
	made  time.Time
	// number names the proof in the history; of an agent, the body.
	number     int
	generation int64 // of the refresh token that an agent brings
}

func newRequest(path string, members map[string]string, key *ecdsa.PrivateKey, number int, now time.Time) request {
	body, _ := json.Marshal(members) // strings always marshal
	proof := testkit.Proof(key, http.MethodPost, base+path, now, rand.Text())
	return request{body: body, proof: proof, made: now.Truncate(time.Second), number: number}
}

func (l *login) redemption(number int, now time.Time) request {
	if l.agent != nil {
		return l.agentRedemption(number, now)
	}
	return newRequest(tokenPath, map[string]string{
		"clientId": signin.SameDevice, "grantType": "authorization_code", "code": l.code, "codeVerifier": l.verifier, "redirectUri": redirect,
	}, l.key, number, now)
}

// refreshing returns a request that refreshes with token, and a proof by key.
func refreshing(token string, key *ecdsa.PrivateKey, number int, now time.Time) request {
	return newRequest(tokenPath, map[string]string{"clientId": signin.SameDevice, "grantType": "refresh_token", "refreshToken": token}, key, number, now)
}

// answer is what a client reads.
type answer struct {
	status int // 0: none came
	err    error
	body   []byte
	testkit.AnswerBody
	granted granted // to an agent
}

func (a answer) String() string {
	if a.status == 0 {
		return fmt.Sprint("no answer: ", a.err)
	}
	if a.status == http.StatusOK {
		return "200"
	}
	return fmt.Sprintf("%d %s %s %q", a.status, a.Type, a.Error, a.Message)
}

// post sends a token request to a node.
func post(n *node, q request) answer {
	a := send(n, tokenPath, q)
	if a.err != nil {
		return a
	}
	err := json.Unmarshal(a.body, &a.AnswerBody)
	if q.form {
		err = a.readGranted()
	}
	if err != nil {
		return answer{err: fmt.Errorf("%d: %w", a.status, err)}
	}
	return a
}

// send sends a request to a path of a node. It does not look into the answer.
func send(n *node, path string, q request) (a answer) {
	contentType := "application/json"
	if q.form {
		contentType = "application/x-www-form-urlencoded"
	}
	a.status, a.body, a.err = transmit(n, path, contentType, string(q.body), func(r *http.Request) {
		if q.proof != "" {
			r.Header.Set("DPoP", q.proof)
		}
	})
	if a.err != nil {
		return answer{err: a.err}
	}
	return a
}

func (b *browser) clone() *browser { return &browser{maps.Clone(b.cookies)} }

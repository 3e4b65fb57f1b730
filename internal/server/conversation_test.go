package server_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/trust"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/conversations")

// A conversation is a text file of requests and the answers that the server must give, byte for byte but for what differs
// each time. In a request, <client>, <code>, <refresh>, <verifier>, <challenge> and <proof> stand for what a client
// would have there, <subject> for a token of an issuer that the account trusts, and the header Authorization: <signed> for the signature
// of a service user who may do everything; in an answer, <…> stands for what differs.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/conversations/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			talk := newTalk(t)
			if text := string(txtar.Format(archive)); strings.Contains(text, "glue.amazonaws.com") {
				talk.prepareResources(t)
			} else if strings.Contains(text, "<opaque>") {
				talk.prepareTokens(t)
			}
			for i := 0; i+1 < len(archive.Files); i += 2 {
				request, answer := archive.Files[i], &archive.Files[i+1]
				if request.Name != "request" || answer.Name != "answer" {
					t.Fatalf("%s: part %d is %q and %q, want request and answer", file, i/2, request.Name, answer.Name)
				}
				got := talk.say(t, string(request.Data))
				if *update {
					answer.Data = []byte(got)
				} else if diff := cmp.Diff(string(answer.Data), got); diff != "" {
					t.Errorf("request %d:\n%s\nanswer (-want +got):\n%s", i/2+1, request.Data, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// talk is one conversation: a server, a client, and what the client has learned.
type talk struct {
	server *testkit.Server
	client *testkit.Client
	known  map[string]string
	keys   testkit.Credentials // of the service user who signs
}

func newTalk(t *testing.T) *talk {
	s := testkit.Start(t)
	s.Dynamic(t) // and with it a resource, and a role for it
	c := s.Client()
	keys := s.AccessKey(t, s.ServiceUser(t, "admin", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:*","Resource":"*"}]}`))
	return &talk{keys: keys, server: s, client: c, known: map[string]string{"<verifier>": c.Verifier, "<challenge>": c.Challenge()}}
}

// prepareResources registers glue.amazonaws.com, which the service user may have tokens for, and an issuer whose tokens give a
// role that may, too. A second resource is there that nobody may have.
func (k *talk) prepareResources(t *testing.T) {
	t.Helper()
	s, now := k.server, time.Now()
	s.Resource(t, testkit.Account, "glue.amazonaws.com")
	s.Resource(t, testkit.Account, "https://forbidden.example.com")
	k.keys = s.AccessKey(t, s.ServiceUser(t, "robot", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:*","Resource":"*"},`+
		`{"Effect":"Deny","Action":"*","Resource":"*:service-principal/forbidden.example.com"}]}`))
	err := s.Store.AddRole(t.Context(), store.Role{
		ID: signin.NewUniqueID(signin.PrefixRole), Account: testkit.Account, Name: "Engineer", Created: now,
		Policy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:CreateOAuth2Token","Resource":"*:service-principal/glue.amazonaws.com"}}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	idp := testkit.StartIssuer(t)
	s.Trust(t, testkit.Account, idp, "https://signin.example.com", trust.Rules{AllowPrivate: true, Roles: []trust.Mapping{{Role: "Engineer"}}})
	k.known["<subject>"] = idp.Token(t, idp.Claims("https://signin.example.com", "carol", nil))
}

// prepareTokens has a dynamic client and a tool sign in.
func (k *talk) prepareTokens(t *testing.T) {
	t.Helper()
	granted := k.server.Dynamic(t).Login(t)
	k.known["<opaque>"], k.known["<grant>"], k.known["<refresh>"] = granted.AccessToken, granted.RefreshToken, k.client.Login(t).RefreshToken
}

// say sends a request and returns the answer with what differs each time replaced.
func (k *talk) say(t *testing.T, text string) string {
	t.Helper()
	text = strings.ReplaceAll(text, "<proof>", k.proof(text))
	for name, value := range k.known {
		text = strings.ReplaceAll(text, name, value)
	}
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	raw := strings.ReplaceAll(head, "\n", "\r\n") + "\r\nHost: 127.0.0.1:8080\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatalf("request: %v\n%s", err, head)
	}
	r.Body, r.ContentLength, r.RemoteAddr = io.NopCloser(strings.NewReader(body)), int64(len(body)), "127.0.0.1:50000"
	if r.Header.Get("Authorization") == "<signed>" {
		r.Header.Del("Authorization")
		k.keys.Sign(r, []byte(body), k.server.Scope("signin"))
	}
	w := httptest.NewRecorder()
	k.server.ServeHTTP(w, r)
	k.learn(w)
	return render(w)
}

// proof returns a fresh proof of the client's key for the path of a request.
func (k *talk) proof(request string) string {
	target := strings.Fields(request)[1]
	path, _, _ := strings.Cut(target, "?")
	return testkit.Proof(k.client.Key, http.MethodPost, k.server.Base+path, time.Now(), rand.Text())
}

var (
	codePattern      = regexp.MustCompile(`[?&]code=([^&]+)`)
	clientPattern    = regexp.MustCompile(`^{"client_id":"([^"]+)"`)
	statementPattern = regexp.MustCompile(`"statementId":"([^"]+)"`)
	refreshPattern   = regexp.MustCompile(`"refresh_?[tT]oken":"([^"]+)"`)
)

// learn keeps the client id, code or refresh token of an answer for the next request.
func (k *talk) learn(w *httptest.ResponseRecorder) {
	if m := codePattern.FindStringSubmatch(w.Header().Get("Location")); m != nil {
		k.known["<code>"], _ = url.QueryUnescape(m[1])
	}
	if m := clientPattern.FindStringSubmatch(w.Body.String()); m != nil {
		k.known["<client>"] = m[1]
	}
	if m := refreshPattern.FindStringSubmatch(w.Body.String()); m != nil {
		k.known["<refresh>"] = m[1]
	}
	if m := statementPattern.FindStringSubmatch(w.Body.String()); m != nil {
		k.known["<statement>"] = m[1]
	}
}

// differs is what is not the same in two runs.
var differs = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`ASIA[A-Z2-7]{16}`), "<access key id>"},
	{regexp.MustCompile(`(ecret_?[aA]ccess_?[kK]ey":")[^"]{40}"`), `$1<secret>"`},
	{regexp.MustCompile(`(ession_?[tT]oken":")[^"]+"`), `$1<session token>"`},
	{regexp.MustCompile(`(efresh_?[tT]oken":")ASOR[^"]+"`), `$1<refresh>"`},
	{regexp.MustCompile(`(ccess_?[tT]oken":")ASOA[^"]+("[^}]*xpires_?[iI]n":)(?:3600|359[89])\b`), `$1<access>$2<about 3600>`},
	{regexp.MustCompile(`(id_?[tT]oken":")[^".]+\.[^".]+\.[^".]{128}"`), `$1<id token>"`},
	{regexp.MustCompile(`(ccess_token":")[^".]+\.[^".]+\.[^".]{86}"`), `$1<access token>"`},
	{regexp.MustCompile(`(xpires_in":)(600|59[0-9])\b`), `$1<about 600>`},
	{regexp.MustCompile(`(xpires_?[iI]n":)(900|89[89])\b`), `$1<about 900>`},
	{regexp.MustCompile(`([?&]code=)[A-Za-z0-9_-]+`), `$1<code>`},
	{regexp.MustCompile(`("(statementId|sid)":")[A-Za-z0-9+/]{64}"`), `$1<statement>"`},
	{regexp.MustCompile(`("nextToken":")[A-Za-z0-9_-]+"`), `$1<next>"`},
	{regexp.MustCompile(`/apl-[0-9a-f]{16}"`), `/apl-<application>"`},
	{regexp.MustCompile(`("kid":")[^"]+"`), `$1<kid>"`},
	{regexp.MustCompile(`("[xy]":")[^"]{64}"`), `$1<48 bytes>"`},
	{regexp.MustCompile(`("[xy]":")[^"]{43}"`), `$1<32 bytes>"`},
	{regexp.MustCompile(`(client_id_issued_at":)\d{10}\b`), `$1<now>`},
	{regexp.MustCompile(`("(iat|nbf|exp)":)\d{10}\b`), `$1<seconds>`},
	{regexp.MustCompile(`("jti":")[A-Za-z0-9_-]{22}"`), `$1<jti>"`},
	{regexp.MustCompile(`("jkt":")[A-Za-z0-9_-]{43}"`), `$1<thumbprint>"`},
	{regexp.MustCompile(`AROA[A-Z2-7]{16}`), "<role id>"},
	{regexp.MustCompile(`(Content-Length: )\d+`), `$1<length>`},
	{regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`), `<time>`},
}

// render returns the answer as text: status, headers by name, body.
func render(w *httptest.ResponseRecorder) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d\n", w.Code)
	var names []string
	for name := range w.Header() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range w.Header()[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", w.Body)
	text := b.String()
	for _, d := range differs {
		text = d.pattern.ReplaceAllString(text, d.with)
	}
	return text
}

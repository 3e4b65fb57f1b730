package attacks

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

// enrol sends a registration of a client, as anybody can.
func enrol(s *testkit.Server, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, s.Base+"/v1/register", strings.NewReader(body))
	r.Header.Set("Content-Type", jsonType)
	return s.Do(r)
}

// clientID returns the id of the client that was registered.
func clientID(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	m := regexp.MustCompile(`"client_id":"([^"]+)"`).FindStringSubmatch(w.Body.String())
	if w.Code != 200 || m == nil {
		t.Fatalf("registration is answered with %d %s", w.Code, w.Body)
	}
	return m[1]
}

// Class: malicious registration, CWE-601, CWE-1021, CWE-770. Anybody may register a client, and Mallory does: to have the
// codes of others sent to her (the "localhost-only" checks of several MCP gateways were prefix matches), to be taken for
// somebody else on the consent page, to come under a client's id with other redirect URIs, or to fill the database.
//
// Here the list of the operator says where such clients may be sent, names are cleaned, an id is made here and never taken
// from the request, and each address registers at a bounded pace.
func TestMaliciousRegistrationBuysNothing(t *testing.T) {
	s := testkit.StartWithPages(t)
	for _, uri := range []string{
		"https://mallory.example/cb", "https://claude.ai.mallory.example/", "https://claude.ai@mallory.example/", "https://claude.ai%2f@mallory.example/",
		"http://localhost.mallory.example/", "http://127.0.0.1@mallory.example/", "javascript:location='//mallory.example'", "data:text/html,mallory",
		"https://claude.ai\\\\@mallory.example/", "https://claude.ai/\\\\..\\\\", "vscode://x@mallory/", "//mallory.example/", "http:mallory.example",
	} {
		w := enrol(s, `{"redirect_uris":["http://localhost/cb","`+uri+`"]}`)
		if w.Code != 400 || !strings.Contains(w.Body.String(), `"invalid_redirect_uri"`) || strings.Contains(w.Body.String(), "mallory") {
			t.Errorf("%s: registration is answered with %d %s", uri, w.Code, w.Body)
		}
	}
	victim := `{"redirect_uris":["https://claude.ai/cb"],"client_name":"Claude"}`
	id := clientID(t, enrol(s, victim))
	// Nobody else registers, replaces or reads what has that id.
	w := enrol(s, `{"client_id":"`+id+`","redirect_uris":["http://localhost/cb"],"client_name":"AWS\u202e \"verified\"\r\n","registration_access_token":"x"}`)
	if clientID(t, w) == id {
		t.Errorf("the id %s was registered again: %d %s", id, w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), `verified\"`) || strings.Contains(w.Body.String(), "\u202e") || !strings.Contains(w.Body.String(), `"client_name":"AWS verified"`) {
		t.Errorf("the name was not cleaned: %s", w.Body)
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		for _, path := range []string{"/v1/register", "/v1/register/" + id} {
			if w := s.Do(httptest.NewRequest(method, s.Base+path, strings.NewReader(victim))); w.Code != 404 && w.Code != 405 {
				t.Errorf("%s %s is answered with %d %s", method, path, w.Code, w.Body)
			}
		}
	}
	// What is registered under an id stays what it was, also for who comes with another's redirect URI.
	c := s.Client()
	for _, uri := range []string{"http://localhost/cb", "http://127.0.0.1:1/", "https://claude.ai/other", testkit.Redirect} {
		w := get(s, authorizePath(c, "client_id", id, "redirect_uri", uri, "code_challenge_method", "S256"))
		if w.Code != 400 || w.Header().Get("Location") != "" {
			t.Errorf("a code of %s would go to %s: %d %v", id, uri, w.Code, w.Header())
		}
	}
	// Mallory has one address; others are not kept out by what she did.
	for range 100 {
		w = enrol(s, victim)
	}
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("after a hundred registrations the answer is %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest(http.MethodPost, s.Base+"/v1/register", strings.NewReader(victim))
	r.Header.Set("Content-Type", jsonType)
	r.RemoteAddr = "198.51.100.9:1"
	if w := s.Do(r); w.Code != 200 {
		t.Errorf("another address is answered with %d %s", w.Code, w.Body)
	}
}

// Class: resource exhaustion, CWE-770. Mallory has a network of her own, as everybody may have who asks for an IPv6 tunnel:
// 65536 networks of the size that counts as one address. From each of them she registers clients, until there are as many as
// this server keeps, so that for ninety days nobody else's can register.
//
// Here such a network has a pace of its own, so that to fill the table she would need thousands of them.
func TestANetworkDoesNotFillTheTableOfClients(t *testing.T) {
	s := testkit.StartWithPages(t)
	from := func(address string) int {
		r := httptest.NewRequest(http.MethodPost, s.Base+"/v1/register", strings.NewReader(`{"redirect_uris":["http://localhost/cb"]}`))
		r.Header.Set("Content-Type", jsonType)
		r.RemoteAddr = address + ":1"
		return s.Do(r).Code
	}
	for name, address := range map[string]string{"IPv6": "[2001:db8:5:%x::1]", "IPv4": "198.51.100.%d"} {
		accepted := 0
		for i := range 250 {
			for range 2 {
				if from(fmt.Sprintf(address, i)) == 200 {
					accepted++
				}
			}
		}
		if accepted == 0 || accepted > 300 {
			t.Errorf("%s: of 500 registrations from 250 addresses of one network, %d were taken, want no more than 300", name, accepted)
		}
	}
	for _, address := range []string{"[2001:db8:6::1]", "198.51.101.1"} {
		if code := from(address); code != 200 {
			t.Errorf("%s is of another network, and is answered with %d", address, code)
		}
	}
}

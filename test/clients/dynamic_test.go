package clients

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// dynamicLogin is what a client that registered itself holds, as MCP clients do: tokens for one resource.
type dynamicLogin struct {
	clientID     string
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

const (
	dynamicRedirect = "http://127.0.0.1:7777/callback" // nothing listens there: the test reads the code from the redirect
	dynamicVerifier = "a-verifier-of-the-least-length-that-is-allowed"
)

// loginDynamic registers a client at s and logs in with it, for tokens of resource.
func loginDynamic(t *testing.T, s *server, resource string) dynamicLogin {
	t.Helper()
	var l dynamicLogin
	var registered struct {
		ClientID string `json:"client_id"`
	}
	r, err := http.Post(s.base+"/v1/register", "application/json", strings.NewReader(`{"redirect_uris":["`+dynamicRedirect+`"]}`))
	readAnswer(t, r, err, http.StatusOK, &registered)
	l.clientID = registered.ClientID

	challenge := sha256.Sum256([]byte(dynamicVerifier))
	stop := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err = stop.Get(s.base + "/v1/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {l.clientID}, "redirect_uri": {dynamicRedirect}, "resource": {resource},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	back, err := r.Location()
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("authorize = %s, %v, %v; want a redirect with a code", r.Status, back, err)
	}
	r, err = http.PostForm(s.base+"/v1/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {l.clientID}, "code": {back.Query().Get("code")},
		"redirect_uri": {dynamicRedirect}, "code_verifier": {dynamicVerifier}, "resource": {resource},
	})
	readAnswer(t, r, err, http.StatusOK, &l)
	return l
}

// refresh asks for new tokens, and returns the OAuth error that it gets in their place, or nothing.
func (l dynamicLogin) refresh(t *testing.T, s *server, resource string) string {
	t.Helper()
	r, err := http.PostForm(s.base+"/v1/token", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {l.clientID}, "refresh_token": {l.RefreshToken}, "resource": {resource},
	})
	if err == nil && r.StatusCode == http.StatusOK {
		r.Body.Close()
		return ""
	}
	var refusal struct{ Error string }
	readAnswer(t, r, err, http.StatusBadRequest, &refusal)
	return refusal.Error
}

// readAnswer puts the body of an answer with that status into v.
func readAnswer(t *testing.T, r *http.Response, err error, status int, v any) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	err = json.NewDecoder(r.Body).Decode(v)
	if r.StatusCode != status {
		err = errors.Join(errors.New(r.Status), err)
	}
	if err != nil {
		t.Fatalf("%s: %v", r.Request.URL.Path, err)
	}
}

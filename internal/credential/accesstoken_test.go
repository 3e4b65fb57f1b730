package credential

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

func newRing(t *testing.T) *keyring.Ring {
	t.Helper()
	st, err := sqlite.Open(t.Context(), t.TempDir()+"/latchkey.db", start, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	root, err := keyring.ParseRoot(keyring.NewRootKey())
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(t.Context(), st, root, keyring.Options{
		Issuer: "https://a", Algorithm: "ES384", Rotate: 720 * time.Hour, Publish: time.Minute, Longest: time.Hour,
	}, start)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// part decodes one of the first two parts of a token.
func part(t *testing.T, token string, i int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts", len(parts))
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// A resource server finds the claims of RFC 9068, and no claim of a thing that is not so.
func TestAccessTokenSaysWhoAndForWhat(t *testing.T) {
	ring := newRing(t)
	least := AccessToken{
		Issuer: "https://a", Resource: "https://api.example.com/v1?x=%20", Subject: "arn:aws:iam::111122223333:user/app", ClientID: "c",
		Account: "111122223333", UserID: "AIDA234567ABCDEFGHIJ", Issued: start.Add(999 * time.Millisecond), Lifetime: 899*time.Second + 900*time.Millisecond,
	}
	want := map[string]any{
		"iss": least.Issuer, "aud": least.Resource, "sub": least.Subject, "client_id": "c", "account_id": least.Account, "user_id": least.UserID,
		"iat": float64(start.Unix()), "nbf": float64(start.Unix()), "exp": float64(start.Unix() + 899),
	}
	all := least
	all.SigninSession, all.AuthTime, all.Scope, all.Provider = "arn:aws:signin:r:111122223333:session/x", start, "a b", "https://idp"
	all.Actor = []byte(`{"sub":"x"}`)
	more := map[string]any{
		"signin_session": all.SigninSession, "auth_time": float64(start.Unix()), "scope": "a b", "act": map[string]any{"sub": "x"}, "idp": "https://idp",
	}
	for name, value := range want {
		more[name] = value
	}
	ids := map[any]bool{}
	for _, tt := range []struct {
		token AccessToken
		want  map[string]any
	}{{least, want}, {least, want}, {all, more}} {
		token, err := tt.token.Sign(ring.TokenKey(start))
		if err != nil {
			t.Fatal(err)
		}
		got := part(t, token, 1)
		if id, ok := got["jti"].(string); !ok || len(id) < 26 || ids[id] {
			t.Errorf("jti = %v, want one of its own", got["jti"])
		}
		ids[got["jti"]] = true
		delete(got, "jti")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		if header := part(t, token, 0); header["typ"] != "at+jwt" || header["alg"] != "ES256" {
			t.Errorf("header = %v", header)
		}
	}
}

// Attack: show an id token to a resource server, or an access token to who expects an id token. The header tells them apart,
// and so does the key.
func TestIDTokenIsNoAccessToken(t *testing.T) {
	ring := newRing(t)
	id, err := IDToken(ring.SigningKey(start), newSession(), "https://a", "us-east-1", start, 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	access, err := AccessToken{Issuer: "https://a", Resource: newSession().ClientID, Issued: start, Lifetime: time.Hour}.Sign(ring.TokenKey(start))
	if err != nil {
		t.Fatal(err)
	}
	a, b := part(t, id, 0), part(t, access, 0)
	if a["typ"] == b["typ"] || a["kid"] == b["kid"] {
		t.Errorf("headers are %v and %v, want other typ and kid", a, b)
	}
}

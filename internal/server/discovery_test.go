package server_test

import (
	"bufio"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// The documents say what is true of this server, and each URL in them leads to it.
func TestDiscoveryDocuments(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) {
		c.BaseURLs, c.IDToken.Algorithm = []string{"http://127.0.0.1:8080", "http://localhost:8080"}, "ES256"
	})
	var first string
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		w := s.Do(httptest.NewRequest("GET", s.Base+path, nil))
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%v\n%s", err, w.Body)
		}
		for name, want := range map[string]string{
			"issuer": `"http://127.0.0.1:8080"`, "authorization_endpoint": `"http://127.0.0.1:8080/v1/authorize"`,
			"token_endpoint": `"http://127.0.0.1:8080/v1/token"`, "jwks_uri": `"http://127.0.0.1:8080/.well-known/jwks.json"`,
			"response_types_supported": `["code"]`, "subject_types_supported": `["public"]`, "id_token_signing_alg_values_supported": `["ES256"]`,
			"grant_types_supported": `["authorization_code","refresh_token","client_credentials","urn:ietf:params:oauth:grant-type:token-exchange"]`, "code_challenge_methods_supported": `["S256","SHA-256"]`,
			"dpop_signing_alg_values_supported": `["ES256"]`, "scopes_supported": `["openid","offline_access"]`,
			"registration_endpoint": `"http://127.0.0.1:8080/v1/register"`, "revocation_endpoint": `"http://127.0.0.1:8080/v1/revoke"`,
			"introspection_endpoint":                `"http://127.0.0.1:8080/v1/introspect?x-amz-client-auth-method=iam"`,
			"client_id_metadata_document_supported": `false`, "authorization_response_iss_parameter_supported": `true`,
		} {
			if b, _ := json.Marshal(got[name]); string(b) != want {
				t.Errorf("%s: %s = %s, want %s", path, name, b, want)
			}
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: headers %v", path, w.Header())
		}
		if first == "" {
			first = w.Body.String()
		} else if first != w.Body.String() {
			t.Error("the two documents differ")
		}
	}
	login := s.Client().Login(t)
	w := s.Do(httptest.NewRequest("GET", s.Base+"/.well-known/jwks.json", nil))
	var set struct{ Keys []struct{ Kid, Alg string } }
	if err := json.NewDecoder(bufio.NewReader(w.Body)).Decode(&set); err != nil || len(set.Keys) != 2 || set.Keys[0].Alg != "ES256" {
		t.Errorf("JWKS = %+v, %v", set, err)
	}
	if header := decodePart(t, login.IDToken); !strings.Contains(header, set.Keys[0].Kid) {
		t.Errorf("the id token's header is %s, the published key %s", header, set.Keys[0].Kid)
	}
}

// While an operator changes the algorithm, id tokens are signed by the one of before until the new key was long enough
// published. Clients that hold tokens to what the documents say must find both there, else nobody signs in to them.
func TestDiscoveryNamesTheAlgorithmThatSigns(t *testing.T) {
	s := testkit.Start(t)
	for _, algorithm := range []string{"ES256", "ES384"} {
		s.Restart(t, func(c *config.Config) { c.IDToken.Algorithm = algorithm })
		var header struct{ Alg string }
		if err := json.Unmarshal([]byte(decodePart(t, s.Client().Login(t).IDToken)), &header); err != nil {
			t.Fatal(err)
		}
		w := s.Do(httptest.NewRequest("GET", s.Base+"/.well-known/openid-configuration", nil))
		var m struct {
			Algorithms []string `json:"id_token_signing_alg_values_supported"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(m.Algorithms, header.Alg) || len(m.Algorithms) == 0 || m.Algorithms[0] != algorithm {
			t.Errorf("configured with %s, an id token is signed with %s, and the documents say %q, want both, the configured one first", algorithm, header.Alg, m.Algorithms)
		}
	}
}

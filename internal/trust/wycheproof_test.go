package trust

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// vectorGroup is one group of a Wycheproof file for JOSE: a key or a set of them, and signatures.
type vectorGroup struct {
	Comment string         `json:"comment"`
	Private jsontext.Value `json:"private"`
	Public  jsontext.Value `json:"public"`
	Tests   []struct {
		ID      int            `json:"tcId"`
		Comment string         `json:"comment"`
		JWS     jsontext.Value `json:"jws"`
		Result  string         `json:"result"`
	} `json:"tests"`
}

// readVectors reads a Wycheproof file from the folder of shared vectors that lies beside the repository. A clone without it
// skips the test; CI does not.
func readVectors(t *testing.T, name string) []vectorGroup {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(filepath.Dir(root), "shared", "vectors", "wycheproof", name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared vectors are not here: %v", err)
	}
	var file struct {
		Groups []vectorGroup `json:"testGroups"`
	}
	if err := json.Unmarshal(doc, &file); err != nil {
		t.Fatal(err)
	}
	return file.Groups
}

// accepts tells whether a JWS would be taken, with the public keys of the group as those of its issuer. Payloads of the
// vectors are no claims, and some have no kid on either side; that of the token is then put on the key.
func (g vectorGroup) accepts(t *testing.T, text jsontext.Value) bool {
	t.Helper()
	var compact string
	if text.Kind() != '"' || json.Unmarshal(text, &compact) != nil {
		return false // the JSON serialization is not taken
	}
	token, err := readCompact(compact)
	if err != nil {
		return false
	}
	published := g.Public
	if published == nil {
		published = g.Private // a secret key, as if an issuer had published it
	}
	var jwks struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(published, &jwks); err != nil || jwks.Keys == nil {
		var one map[string]any
		if err := json.Unmarshal(published, &one); err != nil {
			t.Fatal(err)
		}
		jwks.Keys = []map[string]any{one}
	}
	if token.keyID == "" {
		token.keyID = "k"
	}
	for _, k := range jwks.Keys {
		if k["kid"] == nil {
			k["kid"] = token.keyID
		}
	}
	document, err := json.Marshal(jwks)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := parseJWKS(document)
	if err != nil {
		return false
	}
	return token.verify((&set{keys: keys}).fitting(token), Rules{Algorithms: Algorithms}.algorithms()) == nil
}

// harmless are vectors that are to be refused, and are not. Nobody but the holder of the private key can make a PSS signature
// with a salt of another length; and how good a modulus is that looks like one of a broken card is for the issuer to care.
var harmless = []string{"SaltLenChanged", "rejectsKeyWithRocaVulnerability"}

// odd are keys whose alg is another one than that of the signature, or none that exists.
var odd = []string{"Figure20", "Figure27"}

// No signature that must not verify does, and those that should do where their key is public.
func TestWycheproofSignatures(t *testing.T) {
	for name, least := range map[string]int{"json_web_signature_test.json": 30, "json_web_key_test.json": 1, "json_web_crypto_test.json": 2} {
		valid := 0
		for _, g := range readVectors(t, name) {
			for _, tt := range g.Tests {
				got := g.accepts(t, tt.JWS)
				switch {
				case got && tt.Result == "invalid" && !slices.Contains(harmless, tt.Comment):
					t.Errorf("%s: test %d (%s, %s) is accepted", name, tt.ID, g.Comment, tt.Comment)
				case !got && tt.Result == "valid" && g.Public != nil && !slices.Contains(odd, tt.Comment):
					t.Errorf("%s: test %d (%s, %s) is refused", name, tt.ID, g.Comment, tt.Comment)
				case got:
					valid++
				}
			}
		}
		if valid < least {
			t.Errorf("%s: %d signatures are accepted, want at least %d", name, valid, least)
		}
	}
}

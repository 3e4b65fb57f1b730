package trust

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Whatever is read as a token means the same to the standard library, and every refusal is a fault of the caller.
func FuzzToken(f *testing.F) {
	for _, parts := range [][2]string{
		{`{"alg":"ES256","kid":"a"}`, `{"iss":"i","aud":"a","exp":9999999999}`},
		{`{"alg":"RS256","kid":"a","typ":"at+jwt"}`, `{"iss":"i","aud":["a","b"],"exp":1.5e9,"nbf":1,"iat":1,"sub":"s","act":{"sub":"x","act":{}}}`},
		{`{"alg":"none","kid":"a"}`, `{}`}, {`{"alg":"ES256","kid":"a","jwk":{}}`, `{}`}, {`{"alg":"ES256","alg":"none"}`, `{"exp":-1}`},
		{`{"alg":"EdDSA","kid":"\u0061"}`, `{"iss":"i","aud":"a","exp":1e400}`},
	} {
		f.Add(parts[0], parts[1], "AAAA")
	}
	f.Fuzz(func(t *testing.T, header, payload, signature string) {
		encode := base64.RawURLEncoding.EncodeToString
		token, err := Read(encode([]byte(header)) + "." + encode([]byte(payload)) + "." + signature)
		if err != nil {
			if k := signin.KindOf(err); k != signin.SubjectTokenInvalid && k != signin.ParameterInvalid {
				t.Errorf("Read = %v, want a fault of the caller", err)
			}
			return
		}
		var h, c map[string]any
		if json.Unmarshal([]byte(header), &h) != nil || json.Unmarshal([]byte(payload), &c) != nil {
			t.Fatal("read, and is not JSON")
		}
		if h["alg"] != token.algorithm || h["kid"] != token.keyID || c["iss"] != token.Issuer || !slices.Contains(Algorithms, token.algorithm) {
			t.Errorf("read %+v of %s and %s", token, header, payload)
		}
		if exp, ok := c["exp"].(float64); !ok || token.Expires.After(time.Unix(int64(exp)+1, 0)) {
			t.Errorf("Expires = %v of %v", token.Expires, c["exp"])
		}
		if len(token.Actor) > 0 && (len(token.Actor) > maxActor || !json.Valid(token.Actor)) {
			t.Errorf("Actor = %s", token.Actor)
		}
		// No key verifies it, for there is none.
		if token.verify(nil, Rules{}.algorithms()) == nil {
			t.Error("it verifies without a key")
		}
		Rules{Roles: []Mapping{{Claim: "/a/b", Value: "c*", Role: "R"}, {Claim: "sub", Value: "*", Role: "R"}}}.Role(token)
	})
}

// Rules that are read can be written and read again.
func FuzzRules(f *testing.F) {
	f.Add(`{"roles":[{"role":"R"}]}`)
	f.Add(`{"algorithms":["RS256"],"jwks_uri":"https://a/b","require":{"a":"b"},"roles":[{"claim":"c","value":"d*","role":"R"}],"session_name":"e"}`)
	f.Fuzz(func(t *testing.T, document string) {
		r, err := ParseRules(document)
		if err != nil {
			return
		}
		text, err := r.Text()
		if err != nil {
			return // escapes can make it longer than it may be
		}
		again, err := ParseRules(text)
		if err != nil {
			t.Fatalf("ParseRules(%q): %v", text, err)
		}
		if second, _ := again.Text(); second != text {
			t.Errorf("%s becomes %s", text, second)
		}
	})
}

// What an issuer publishes cannot make a secret, private or weak key one that verifies, nor name another issuer.
func FuzzDocuments(f *testing.F) {
	f.Add(`{"issuer":"https://a","jwks_uri":"https://a/keys"}`, `{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}`)
	f.Add(`{"issuer":"https://b"}`, `{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw"}]}`)
	f.Add(`{}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"b"}]}`)
	f.Fuzz(func(t *testing.T, discovery, set string) {
		if _, err := parseDiscovery([]byte(discovery), "https://a"); err == nil {
			var d map[string]any
			if json.Unmarshal([]byte(discovery), &d) != nil || d["issuer"] != "https://a" {
				t.Errorf("%s is taken for the document of https://a", discovery)
			}
		}
		keys, err := parseJWKS([]byte(set))
		if err != nil {
			return
		}
		for _, k := range keys {
			if _, secret := k.public.([]byte); secret || k.id == "" {
				t.Errorf("%s has the key %+v", set, k)
			}
			for _, a := range Algorithms {
				k.fits(k.id, a)
			}
		}
	})
}

// Whatever a claim says, the name of its session is one, and no other value's: one that was changed ends in a hash of it, and
// one that was not does not look so.
func FuzzSessionName(f *testing.F) {
	for _, value := range []string{"alice", "auth0|5f7c", "", "a-0123456789abcdef", strings.Repeat("é", 70)} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		name := SessionName(value)
		if !signin.ValidPersonName(name) {
			t.Errorf("SessionName(%q) = %q, which is none", value, name)
		}
		if changed := name != value; changed != marked.MatchString(name) {
			t.Errorf("SessionName(%q) = %q: changed %v, marked %v", value, name, changed, !changed)
		}
	})
}

package dpop

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func TestWycheproofECDSA(t *testing.T) {
	var file struct {
		NumberOfTests int `json:"numberOfTests"`
		TestGroups    []struct {
			PublicKey struct {
				Uncompressed string `json:"uncompressed"`
			} `json:"publicKey"`
			Tests []struct {
				ID      int    `json:"tcId"`
				Comment string `json:"comment"`
				Msg     string `json:"msg"`
				Sig     string `json:"sig"`
				Result  string `json:"result"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	readVectors(t, "ecdsa_secp256r1_sha256_p1363_test.json", &file)
	ran := 0
	for _, g := range file.TestGroups {
		key, err := point(unhex(t, g.PublicKey.Uncompressed)).public()
		if err != nil {
			t.Fatalf("the key of test %d: %v", g.Tests[0].ID, err)
		}
		for _, tt := range g.Tests {
			digest := sha256.Sum256(unhex(t, tt.Msg))
			if got, want := verifies(key, digest[:], unhex(t, tt.Sig)), tt.Result == "valid"; got != want {
				t.Errorf("test %d (%s): verifies = %v, want %v", tt.ID, tt.Comment, got, want)
			}
			ran++
		}
	}
	if ran != file.NumberOfTests || ran == 0 {
		t.Errorf("ran %d tests, the file says %d", ran, file.NumberOfTests)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The JWS vectors have their key beside them and no proof inside. So their header and signature go through the parts of
// Verify: a vector is accepted when split, the rule for alg, the rules for the key, and checkSignature accept it.
func TestWycheproofJWS(t *testing.T) {
	type group struct {
		Comment string         `json:"comment"`
		Public  jsontext.Value `json:"public"`
		Tests   []struct {
			ID      int            `json:"tcId"`
			Comment string         `json:"comment"`
			JWS     jsontext.Value `json:"jws"`
			Result  string         `json:"result"`
		} `json:"tests"`
	}
	var signatures, keys struct {
		TestGroups []group `json:"testGroups"`
	}
	readVectors(t, "json_web_signature_test.json", &signatures)
	readVectors(t, "json_web_key_test.json", &keys)
	ran, accepted := 0, 0
	for _, g := range append(signatures.TestGroups, keys.TestGroups...) {
		public := g.Public
		var set struct {
			Keys []jsontext.Value `json:"keys"`
		}
		if json.Unmarshal(public, &set) == nil && len(set.Keys) == 1 {
			public = set.Keys[0]
		}
		if !bytes.Contains(public, []byte(`"P-256"`)) {
			continue // RSA, HMAC, P-521
		}
		if strings.Contains(string(public), "key_ops") {
			continue // we ignore key_ops: RFC 7517 section 4.3 makes it optional, and it restricts the key's owner
		}
		for _, tt := range g.Tests {
			var jws string
			if json.Unmarshal(tt.JWS, &jws) != nil {
				t.Fatalf("test %d: not a compact JWS", tt.ID)
			}
			got := acceptsJWS(t, jws, public)
			if got != (tt.Result == "valid") {
				t.Errorf("test %d (%s, %s): accepted = %v, want %s", tt.ID, g.Comment, tt.Comment, got, tt.Result)
			}
			ran++
			if got {
				accepted++
			}
		}
	}
	if ran != 45 || accepted != 2 {
		t.Errorf("ran %d and accepted %d, want 45 and 2", ran, accepted)
	}
}

// acceptsJWS puts the key of the vector into a header like a proof's, and checks it with the signed parts of the JWS.
func acceptsJWS(t *testing.T, jws string, public jsontext.Value) bool {
	t.Helper()
	c, err := split(jws)
	if err != nil {
		return false
	}
	var h struct {
		Algorithm string `json:"alg"`
	}
	if err := json.Unmarshal(c.header, &h); err != nil {
		return false
	}
	key, err := readHeader([]byte(`{"typ":"dpop+jwt","alg":"` + h.Algorithm + `","jwk":` + string(public) + `}`))
	return err == nil && checkSignature(key, c) == nil
}

package dpop

import (
	"strings"
	"testing"
)

// The vector: a key whose x begins with a zero byte, sent with it and, as some clients do, without.
func TestThumbprintIsOverPaddedCoordinates(t *testing.T) {
	const (
		padded = "ABCLS9NNYtDfGdfXv13xPdOj4K8k7VSnHmgl4dhpxqM"
		short  = "EItL001i0N8Z19e_XfE906PgryTtVKceaCXh2GnGow"
		y      = "4NdIejCiQdwO8xMkmFQZamZOEHL0Dnsy-hVgAvcWSig"
		want   = "2jk2CXaE4VTBnfMkL0zWo2PJaDT6_OuGXfIYfC6SWHk"
	)
	c := sam(t)
	if c.x != padded || c.y != y {
		t.Fatalf("the key is x %s, y %s; want x %s, y %s", c.x, c.y, padded, y)
	}
	v := newVerifier(t)
	for _, x := range []string{padded, short} {
		sent := c
		sent.x = x
		p, err := v.Verify([]string{sent.proof(t, sent.header(), claimsAt(now))}, "POST", "/v1/token", now)
		if err != nil {
			t.Errorf("x %s: Verify: %v", x, err)
		} else if text(p.Key) != want {
			t.Errorf("x %s: thumbprint %s, want %s", x, text(p.Key), want)
		}
	}
}

func TestJWKRules(t *testing.T) {
	c := alice(t)
	zeros := strings.Repeat("A", 43)
	tests := []struct {
		name, jwk string
		want      string // part of the message
	}{
		{"a private key travels", `{"kty":"EC","crv":"P-256","x":"` + c.x + `","y":"` + c.y + `","d":"` + zeros + `"}`, `"d"`},
		{"d is null", `{"kty":"EC","crv":"P-256","x":"` + c.x + `","y":"` + c.y + `","d":null}`, `"d"`},
		{"d is written with an escape", `{"kty":"EC","crv":"P-256","x":"` + c.x + `","y":"` + c.y + `","\u0064":"AA"}`, `"d"`},
		{"a symmetric key", `{"kty":"oct","k":"AAAA"}`, `"kty"`},
		{"an RSA key", `{"kty":"RSA","n":"AQAB","e":"AQAB"}`, `"kty"`},
		{"an Edwards key", `{"kty":"OKP","crv":"Ed25519","x":"` + c.x + `"}`, `"kty"`},
		{"another curve with points of the same size", `{"kty":"EC","crv":"secp256k1","x":"` + c.x + `","y":"` + c.y + `"}`, `"crv"`},
		{"P-384", `{"kty":"EC","crv":"P-384","x":"` + c.x + `","y":"` + c.y + `"}`, `"crv"`},
		{"the curve in lower case", `{"kty":"EC","crv":"p-256","x":"` + c.x + `","y":"` + c.y + `"}`, `"crv"`},
		{"a key for another algorithm", `{"kty":"EC","crv":"P-256","alg":"ES521","x":"` + c.x + `","y":"` + c.y + `"}`, "not for ES256"},
		{"a key for encryption", `{"kty":"EC","crv":"P-256","use":"enc","x":"` + c.x + `","y":"` + c.y + `"}`, "not for ES256"},
		{"no x", `{"kty":"EC","crv":"P-256","y":"` + c.y + `"}`, "1 to 32 bytes"},
		{"33 bytes, with a sign byte", `{"kty":"EC","crv":"P-256","x":"A` + c.x + `","y":"` + c.y + `"}`, "1 to 32 bytes"},
		{"padding", `{"kty":"EC","crv":"P-256","x":"` + c.x + `=","y":"` + c.y + `"}`, "1 to 32 bytes"},
		{"standard alphabet", `{"kty":"EC","crv":"P-256","x":"+/","y":"` + c.y + `"}`, "1 to 32 bytes"},
		{"a line break in x", `{"kty":"EC","crv":"P-256","x":"AA\nAA","y":"` + c.y + `"}`, "1 to 32 bytes"},
		{"bits after the end of x", `{"kty":"EC","crv":"P-256","x":"AB","y":"` + c.y + `"}`, "1 to 32 bytes"},
		{"x and y swapped: not on the curve", `{"kty":"EC","crv":"P-256","x":"` + c.y + `","y":"` + c.x + `"}`, "point of P-256"},
		{"the point at zero", `{"kty":"EC","crv":"P-256","x":"` + zeros + `","y":"` + zeros + `"}`, "point of P-256"},
		{"x beyond the field", `{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("_", 42) + `8","y":"` + c.y + `"}`, "point of P-256"},
		{"somebody else's key", sam(t).jwk(), "signature"},
		{"no object", `"` + c.x + `"`, "JSON type"},
		{"a list of keys", `[` + c.jwk() + `]`, "JSON type"},
		{"x as a number", `{"kty":"EC","crv":"P-256","x":7,"y":"` + c.y + `"}`, "JSON type"},
		{"x twice", `{"kty":"EC","crv":"P-256","x":"` + c.x + `","x":"` + c.x + `","y":"` + c.y + `"}`, "twice"},
	}
	for _, tt := range tests {
		header := `{"typ":"dpop+jwt","alg":"ES256","jwk":` + tt.jwk + `}`
		wantInvalid(t, tt.name, c.proof(t, header, claimsAt(now)), tt.want)
	}
}

func TestJWKMayHoldMore(t *testing.T) {
	c := alice(t)
	v := newVerifier(t)
	for _, jwk := range []string{
		`{"y":"` + c.y + `","x":"` + c.x + `","crv":"P-256","kty":"EC"}`,
		`{"kty":"EC","crv":"P-256","x":"` + c.x + `","y":"` + c.y + `","use":"sig","alg":"ES256","kid":"1","ext":true,"key_ops":["verify"]}`,
		`{"kty":"EC","crv":"P\u002d256","x":"` + c.x + `","y":"` + c.y + `","D":"not d"}`,
	} {
		header := `{"typ":"dpop+jwt","alg":"ES256","jwk":` + jwk + `}`
		if _, err := v.Verify([]string{c.proof(t, header, claimsAt(now))}, "POST", "/v1/token", now); err != nil {
			t.Errorf("jwk %s: Verify: %v", jwk, err)
		}
	}
}

package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// The proof of RFC 9449 section 4.1, whose header and claims section 4.2 shows, for POST https://server.example.com/token;
// and the thumbprint of its key, which section 6.1 has as jkt.
const (
	rfcProof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5" +
		"IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19." +
		"eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ." +
		"2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	rfcThumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

// The proof is good at its time and place (section 4.3), and nowhere else.
func TestRFC9449Examples(t *testing.T) {
	issued := time.Unix(1562262616, 0)
	v := newVerifier(t, "https://server.example.com")
	p, err := v.Verify([]string{rfcProof}, "POST", "/token", issued)
	if err != nil {
		t.Fatalf("Verify(the proof of section 4.1) = %v", err)
	}
	if got := base64.RawURLEncoding.EncodeToString(p.Key[:]); got != rfcThumbprint {
		t.Errorf("thumbprint = %s, want the jkt of section 6.1, %s", got, rfcThumbprint)
	}
	if !p.IssuedAt.Equal(issued) || p.ID != proofID(p.Key, "-BwC3ESc6acc2lTc") {
		t.Errorf("IssuedAt, ID = %v, %x, want those of section 4.2", p.IssuedAt, p.ID)
	}
	for name, tt := range map[string]struct {
		method, path string
		at           time.Time
		want         signin.Kind
	}{
		"another method": {"GET", "/token", issued, signin.ProofInvalid}, "another path": {"POST", "/protectedresource", issued, signin.ProofInvalid},
		"an hour later": {"POST", "/token", issued.Add(time.Hour), signin.ProofStale}, "an hour before": {"POST", "/token", issued.Add(-time.Hour), signin.ProofStale},
	} {
		if _, err := v.Verify([]string{rfcProof}, tt.method, tt.path, tt.at); signin.KindOf(err) != tt.want {
			t.Errorf("%s: Verify(%s %s at %v) = %v, want %v", name, tt.method, tt.path, tt.at, err, tt.want)
		}
	}
}

// thumbprintOf is RFC 7638 section 3 with nothing but the standard library: the required members in the order of their
// names, without spaces.
func thumbprintOf(t *testing.T, required map[string]string) string {
	t.Helper()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(required)) {
		part, err := json.Marshal(map[string]string{name: required[name]})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, strings.Trim(string(part), "{}"))
	}
	sum := sha256.Sum256([]byte("{" + strings.Join(parts, ",") + "}"))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// The example of RFC 7638 section 3.1 is an RSA key, which is refused here. It proves the reading of the document in this
// test, which then says what the thumbprints of our keys must be.
func TestRFC7638Thumbprint(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs" +
		"tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI" +
		"SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	if got, want := thumbprintOf(t, map[string]string{"e": "AQAB", "kty": "RSA", "n": n}), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; got != want {
		t.Fatalf("thumbprint of the RFC's key = %s, want %s", got, want)
	}
	for _, c := range []client{alice(t), sam(t)} {
		p, err := newVerifier(t).Verify([]string{c.proof(t, c.header(), claimsAt(now))}, "POST", "/v1/token", now)
		if err != nil {
			t.Fatal(err)
		}
		want := thumbprintOf(t, map[string]string{"crv": "P-256", "kty": "EC", "x": c.x, "y": c.y})
		if got := base64.RawURLEncoding.EncodeToString(p.Key[:]); got != want {
			t.Errorf("thumbprint = %s, want %s", got, want)
		}
	}
	c := alice(t)
	wantInvalid(t, "the RSA key of RFC 7638", c.proof(t, `{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"RSA","n":"`+n+`","e":"AQAB"}}`, claimsAt(now)), `"kty"`)
}

// RFC 7515 appendix A.3: a JWS with ES256. It is no proof, but its signature is one of the kind that proofs have.
func TestRFC7515ES256(t *testing.T) {
	const jws = "eyJhbGciOiJFUzI1NiJ9." +
		"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
		"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	c, err := split(jws)
	if err != nil {
		t.Fatalf("split(the JWS) = %v", err)
	}
	key, err := jwk{Type: "EC", Curve: "P-256", X: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", Y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}.point()
	if err != nil {
		t.Fatalf("the key = %v", err)
	}
	if err := checkSignature(key, c); err != nil {
		t.Errorf("checkSignature = %v, want nil", err)
	}
	for i := range c.signature { // no byte of it can be changed
		c.signature[i] ^= 1
		if checkSignature(key, c) == nil {
			t.Errorf("byte %d of the signature changed: accepted", i)
		}
		c.signature[i] ^= 1
	}
	other, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed("alice"))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(c.signed)
	if verifies(&other.PublicKey, digest[:], c.signature) {
		t.Error("the signature is accepted of another key")
	}
	wantInvalid(t, "a JWS that is no proof", jws, `"typ"`)
}

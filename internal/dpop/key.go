package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// coordinate is the length of x and y in bytes.
const coordinate = 32

// header is the JOSE header of a proof (RFC 9449 section 4.2). Other members are ignored.
type header struct {
	Type      string         `json:"typ"`
	Algorithm string         `json:"alg"`
	Key       jwk            `json:"jwk"`
	Critical  jsontext.Value `json:"crit"`
	Unencoded jsontext.Value `json:"b64"`
}

// jwk is the public key of a proof (RFC 7518 section 6.2.1).
type jwk struct {
	Type      string         `json:"kty"`
	Curve     string         `json:"crv"`
	X         string         `json:"x"`
	Y         string         `json:"y"`
	Private   jsontext.Value `json:"d"`
	Algorithm string         `json:"alg"`
	Use       string         `json:"use"`
}

// point is a public key in uncompressed form (SEC 1 section 2.3.3): 4, x and y. It may not be on the curve.
type point [1 + 2*coordinate]byte

// readHeader checks the JOSE header and returns the key in it.
func readHeader(doc []byte) (point, error) {
	var h header
	if err := json.Unmarshal(doc, &h); err != nil {
		return point{}, unreadable("header", err)
	}
	switch {
	case !strings.EqualFold(h.Type, "dpop+jwt") && !strings.EqualFold(h.Type, "application/dpop+jwt"):
		return point{}, invalid(`"typ" is not dpop+jwt`) // RFC 9449 section 4.3 (4)
	case h.Algorithm != "ES256":
		return point{}, invalid(`"alg" is not ES256, the only algorithm accepted`) // (5)
	case h.Critical != nil || h.Unencoded != nil:
		return point{}, invalid(`"crit" and "b64" are not supported`) // RFC 7515 section 4.1.11, RFC 7797
	}
	return h.Key.point()
}

// point checks the key's members and decodes it.
func (k jwk) point() (point, error) {
	switch {
	case k.Private != nil: // RFC 9449 section 4.3 (7)
		return point{}, invalid(`"jwk" holds a private key ("d"), which must never be sent; use a new key`)
	case k.Type != "EC":
		return point{}, invalid(`"kty" of "jwk" is not EC`)
	case k.Curve != "P-256":
		return point{}, invalid(`"crv" of "jwk" is not P-256`)
	case k.Algorithm != "" && k.Algorithm != "ES256", k.Use != "" && k.Use != "sig":
		return point{}, invalid(`"jwk" says that its key is not for ES256 signatures`)
	}
	p := point{0: 4}
	if !pad(p[1:1+coordinate], k.X) || !pad(p[1+coordinate:], k.Y) {
		return point{}, invalid(`"x" and "y" of "jwk" are not each 1 to 32 bytes in base64url without padding`)
	}
	return p, nil
}

// pad decodes s into dst with zero bytes in front. RFC 7518 section 6.2.1.2 wants them sent, but about one key in 128
// has a coordinate that clients send without.
func pad(dst []byte, s string) bool {
	var text [(coordinate*8 + 5) / 6]byte
	if s == "" || len(s) > len(text) {
		return false
	}
	var room [coordinate]byte
	b, _, ok := decode(room[:], text[:copy(text[:], s)])
	copy(dst[coordinate-len(b):], b)
	return ok
}

// public returns the key, or a fault when it is not a point of the curve.
func (p point) public() (*ecdsa.PublicKey, error) {
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), p[:])
	if err != nil {
		return nil, invalid(`"x" and "y" of "jwk" are not a point of P-256`)
	}
	return key, nil
}

// thumbprint returns the RFC 7638 thumbprint of the padded key. It must not be taken over the members as sent: then one
// key would have two thumbprints, and a login made with one tool could not be refreshed with another.
func (p point) thumbprint() signin.Thumbprint {
	const before, between, after = `{"crv":"P-256","kty":"EC","x":"`, `","y":"`, `"}`
	b := make([]byte, 0, 128)
	b = append(b, before...)
	b = encoding.AppendEncode(b, p[1:1+coordinate])
	b = append(b, between...)
	b = encoding.AppendEncode(b, p[1+coordinate:])
	b = append(b, after...)
	return sha256.Sum256(b)
}

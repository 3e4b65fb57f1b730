package dpop

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Verifier checks proofs for one server. It never changes, so any number of goroutines may use it.
type Verifier struct {
	bases  []base
	window time.Duration
}

// Proof is what a valid DPoP header proves: that the sender holds Key, and meant it for this request at IssuedAt.
type Proof struct {
	// Key is the RFC 7638 thumbprint of the key that signed, over the padded coordinates.
	Key signin.Thumbprint
	// ID is the SHA-256 of Key and jti. Two proofs with one ID claim to be one proof.
	ID [sha256.Size]byte
	// IssuedAt is the iat of the proof, a whole second in UTC.
	IssuedAt time.Time
}

// New returns a Verifier for a server that is reached under the given public base URLs, such as
// "https://signin.example.com" or "http://127.0.0.1:8080". A base URL has no path, query or user information.
// window is how far the iat of a proof may lie from now, both ways.
func New(bases []string, window time.Duration) (*Verifier, error) {
	if len(bases) == 0 {
		return nil, errors.New("dpop: no public base URL")
	}
	if window < time.Second {
		return nil, errors.New("dpop: the window must be at least one second")
	}
	v := &Verifier{window: window}
	for _, s := range bases {
		b, err := parseBase(s)
		if err != nil {
			return nil, err
		}
		v.bases = append(v.bases, b)
	}
	return v, nil
}

// Verify checks the values of a request's DPoP header for a request with that method and path at now (RFC 9449
// section 4.3, without the steps for nonces and access tokens).
//
// path is the path of the request without the query, such as "/v1/token". Faults: ProofMissing when there is no
// header; ProofStale when iat lies outside the window; ProofInvalid for everything else.
func (v *Verifier) Verify(headers []string, method, path string, now time.Time) (Proof, error) {
	switch len(headers) {
	case 0:
		return Proof{}, signin.Refuse(signin.ProofMissing, "DPoP proof required: send one DPoP header (RFC 9449) that is signed with the key of this login")
	case 1:
	default:
		return Proof{}, invalid("the request has more than one DPoP header; send exactly one")
	}
	c, err := split(headers[0])
	if err != nil {
		return Proof{}, err
	}
	key, err := readHeader(c.header)
	if err != nil {
		return Proof{}, err
	}
	cl, err := readClaims(c.claims)
	if err != nil {
		return Proof{}, err
	}
	if err := v.check(cl, method, path, now); err != nil {
		return Proof{}, err
	}
	if err := checkSignature(key, c); err != nil {
		return Proof{}, err
	}
	thumb := key.thumbprint()
	return Proof{Key: thumb, ID: proofID(thumb, cl.ID), IssuedAt: time.Unix(cl.Issued.seconds, 0).UTC()}, nil
}

// check compares what the claims say with the request and the time.
func (v *Verifier) check(cl claims, method, path string, now time.Time) error {
	// RFC 9449 section 4.3 (8): methods are compared with case (RFC 9110 section 9.1).
	if cl.Method != method {
		return invalid(`"htm" is not the method of this request`)
	}
	if !v.serves(cl.URL, path) { // (9)
		return invalid(`"htu" is for another URL than ` + v.bases[0].origin + path + `; the operator can add another name of the server to base_urls`)
	}
	issued := time.Unix(cl.Issued.seconds, 0) // (11)
	if issued.After(now.Add(v.window)) {
		return stale(cl.Issued.seconds-now.Unix(), "ahead of", now, v.window)
	}
	if issued.Before(now.Add(-v.window)) {
		behind := now.Unix() - cl.Issued.seconds
		if now.Nanosecond() > 0 {
			behind++ // round up, so that the message never says that just as much is accepted
		}
		return stale(behind, "behind", now, v.window)
	}
	return nil
}

// proofID joins thumbprint and jti. The thumbprint has a fixed length, so no two pairs give the same bytes.
func proofID(key signin.Thumbprint, jti string) [sha256.Size]byte {
	b := make([]byte, 0, len(key)+maxJTI)
	b = append(b, key[:]...)
	b = append(b, jti...)
	return sha256.Sum256(b)
}

func invalid(rule string) error {
	return signin.Refuse(signin.ProofInvalid, "%s", "DPoP proof: "+rule)
}

func stale(seconds int64, where string, now time.Time, window time.Duration) error {
	return signin.Refuse(signin.ProofStale,
		`DPoP proof: "iat" is %d seconds %s this server's time, which is %s; at most %d are accepted. Set the clock of the computer that makes the proof`,
		seconds, where, now.UTC().Format(time.RFC3339), int64(window/time.Second))
}

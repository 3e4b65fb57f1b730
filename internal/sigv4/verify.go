package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// DefaultSkew is how far the clock of a signer may be off, as with AWS.
const DefaultSkew = 5 * time.Minute

// Rules are what a caller accepts.
type Rules struct {
	// Service is the only service of the credential scope that is accepted, such as "sts".
	Service string
	// Region is the only region that is accepted; empty for any.
	Region string
	// Skew is how far X-Amz-Date may lie from now: both ways for a header, in the future for a presigned URL. Zero means
	// DefaultSkew.
	Skew time.Duration
}

// Verify tells whether the request was signed with secret, for what rules accept, and is in its time at now. Every
// error is an *Error.
//
// A presigned URL is good from Skew before SignedAt until Expires after it.
func (s *Signed) Verify(secret string, rules Rules, now time.Time) error {
	if s.Service != rules.Service {
		return refuse(WrongService, "the signature is for another service; the credential scope must name "+rules.Service)
	}
	if rules.Region != "" && s.Region != rules.Region {
		return refuse(WrongRegion, "the signature is for another region; the credential scope must name "+rules.Region)
	}
	if err := s.checkTime(rules, now); err != nil {
		return err
	}
	want := s.sign(secret)
	if !hmac.Equal(want[:], s.signature[:]) {
		return refuse(SignatureMismatch, "the signature is not the one that this access key gives for this request; check the secret access key, and that no proxy changes the host, path, query, signed headers or body")
	}
	return nil
}

// Signature returns the signature itself. Two requests have the same one when the same was signed at the same time by the
// same key, however the signature is written in them. Before Verify it is what the request says, and proves nothing.
func (s *Signed) Signature() [sha256.Size]byte { return s.signature }

// checkTime tells whether the signature is in its time.
func (s *Signed) checkTime(rules Rules, now time.Time) error {
	skew := rules.Skew
	if skew == 0 {
		skew = DefaultSkew
	}
	clock := now.UTC().Format(time.RFC3339)
	if s.SignedAt.After(now.Add(skew)) {
		return refuse(NotYetValid, fmt.Sprintf("X-Amz-Date is %d seconds ahead of this server's time, which is %s; at most %d are accepted. Set the clock of the computer that signs",
			seconds(s.SignedAt.Sub(now)), clock, seconds(skew)))
	}
	if s.Presigned {
		if end := s.SignedAt.Add(s.Expires); now.After(end) {
			return refuse(Expired, fmt.Sprintf("the presigned request was good for %d seconds and expired at %s; this server's time is %s",
				seconds(s.Expires), end.UTC().Format(time.RFC3339), clock))
		}
		return nil
	}
	if s.SignedAt.Before(now.Add(-skew)) {
		return refuse(Expired, fmt.Sprintf("X-Amz-Date is %d seconds behind this server's time, which is %s; at most %d are accepted. Set the clock of the computer that signs",
			seconds(now.Sub(s.SignedAt)), clock, seconds(skew)))
	}
	return nil
}

// seconds rounds a positive d up, so that a message never says that just as much is accepted.
func seconds(d time.Duration) int64 { return int64((d-1)/time.Second) + 1 }

// sign returns the signature that secret gives.
func (s *Signed) sign(secret string) [sha256.Size]byte {
	b := make([]byte, 0, 192)
	b = append(append(b, "AWS4"...), secret...)
	key := mac(b, s.scope[:8])
	key = mac(key[:], s.Region)
	key = mac(key[:], s.Service)
	key = mac(key[:], terminal)
	return mac(key[:], string(s.toSign(b[:0])))
}

// toSign appends the string to sign.
func (s *Signed) toSign(b []byte) []byte {
	b = append(append(b, algorithm...), '\n')
	b = append(append(b, s.timestamp...), '\n')
	b = append(append(b, s.scope...), '\n')
	return hex.AppendEncode(b, s.digest[:])
}

func mac(key []byte, message string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	h.Sum(sum[:0])
	return sum
}

package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	terminal  = "aws4_request" // the last part of a credential scope
	dateForm  = "20060102T150405Z"
)

// Signed is what the signature of a request claims. Only Verify proves it.
type Signed struct {
	AccessKeyID string
	Region      string // of the credential scope
	Service     string // of the credential scope
	// SessionToken is the X-Amz-Security-Token, empty for long-lived keys.
	SessionToken string
	// SignedHeaders are the names of the signed headers, in lower case, sorted.
	SignedHeaders []string
	// SignedAt is the X-Amz-Date.
	SignedAt time.Time
	// Presigned tells that the signature is in the query. Expires is how long it is good from SignedAt, 1 s to 7 days;
	// zero for a header.
	Presigned bool
	Expires   time.Duration

	scope     string // <yyyymmdd>/<region>/<service>/aws4_request
	timestamp string // X-Amz-Date as sent
	signature [sha256.Size]byte
	digest    [sha256.Size]byte // of the canonical request
}

// Parse reads the signature of r and computes everything that needs no secret. Every error is an *Error; NotSigned when
// there is no signature.
func Parse(r Request) (*Signed, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	query, err := parseQuery(r.RawQuery)
	if err != nil {
		return nil, err
	}
	c, err := find(r, query)
	if err != nil {
		return nil, err
	}
	s, err := c.read()
	if err != nil {
		return nil, err
	}
	if err := r.checkSigned(s); err != nil {
		return nil, err
	}
	payload, err := r.payloadHash()
	if err != nil {
		return nil, err
	}
	canonical, err := r.canonical(query, s.SignedHeaders, payload)
	if err != nil {
		return nil, err
	}
	s.digest = sha256.Sum256(canonical)
	return s, nil
}

// claim holds the parts of a signature as text, wherever they were found.
type claim struct {
	credential, signedHeaders, signature, date, token, expires string
	presigned                                                  bool
}

// find looks for a signature in the header and in the query; both at once are refused.
func find(r Request, query []parameter) (claim, error) {
	authorization, err := r.single("Authorization")
	if err != nil {
		return claim{}, err
	}
	inHeader, inQuery := strings.HasPrefix(authorization, "AWS4-"), isPresigned(query)
	switch {
	case inHeader && inQuery:
		return claim{}, refuse(Duplicate, "the request has a signature in the Authorization header and another one in the query")
	case inHeader:
		return fromHeader(r, authorization)
	case inQuery:
		return fromQuery(r, query)
	case authorization != "":
		return claim{}, refuse(NotSigned, "the Authorization header is not an AWS Signature Version 4")
	}
	return claim{}, refuse(NotSigned, "the request is not signed: it needs an AWS Signature Version 4")
}

// read checks the form of every part.
func (c claim) read() (*Signed, error) {
	s := &Signed{SessionToken: c.token, Presigned: c.presigned}
	if err := s.readCredential(c.credential); err != nil {
		return nil, err
	}
	var err error
	if len(c.date) != len(dateForm) {
		return nil, refuse(Malformed, "X-Amz-Date is missing or not of the form YYYYMMDDTHHMMSSZ; a Date header does not replace it")
	}
	if s.SignedAt, err = time.Parse(dateForm, c.date); err != nil {
		return nil, refuse(Malformed, "X-Amz-Date is not a time of the form YYYYMMDDTHHMMSSZ")
	}
	s.timestamp = c.date
	if c.date[:8] != s.scope[:8] {
		return nil, refuse(WrongDate, "the date in the credential scope is not the date of X-Amz-Date")
	}
	if s.SignedHeaders, err = readSignedHeaders(c.signedHeaders); err != nil {
		return nil, err
	}
	if c.presigned {
		if s.Expires, err = readExpires(c.expires); err != nil {
			return nil, err
		}
	}
	if len(c.signature) != hex.EncodedLen(len(s.signature)) || strings.ToLower(c.signature) != c.signature {
		return nil, refuse(Malformed, "the signature is not 64 lower-case hexadecimal digits")
	}
	if _, err := hex.Decode(s.signature[:], []byte(c.signature)); err != nil {
		return nil, refuse(Malformed, "the signature is not 64 lower-case hexadecimal digits")
	}
	return s, nil
}

// readCredential reads <access key id>/<yyyymmdd>/<region>/<service>/aws4_request.
func (s *Signed) readCredential(credential string) error {
	id, scope, _ := strings.Cut(credential, "/")
	part := strings.Split(scope, "/")
	if len(part) != 4 || part[3] != terminal {
		return refuse(Malformed, "the credential is not <access key id>/<date>/<region>/<service>/aws4_request")
	}
	if !isName(id, 128, "_") {
		return refuse(Malformed, "the access key id is not 1 to 128 letters and digits")
	}
	if len(part[0]) != 8 || !isName(part[1], 64, "-_") || !isName(part[2], 64, "-_.") {
		return refuse(Malformed, "the credential scope is not <YYYYMMDD>/<region>/<service>/aws4_request")
	}
	s.AccessKeyID, s.Region, s.Service, s.scope = id, part[1], part[2], scope
	return nil
}

// isName tells whether s is 1 to most letters, digits and bytes of others.
func isName(s string, most int, others string) bool {
	for i := range len(s) {
		if !alphanumeric(s[i]) && strings.IndexByte(others, s[i]) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= most
}

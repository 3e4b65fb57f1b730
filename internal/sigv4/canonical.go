package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/textproto"
	"path"
	"slices"
	"strconv"
	"strings"
)

// checkSigned refuses a request that has something that must be signed and is not.
func (r Request) checkSigned(s *Signed) error {
	signed := func(name string) bool { _, ok := slices.BinarySearch(s.SignedHeaders, name); return ok }
	if !signed("host") {
		return refuse(HeaderUnsigned, "the Host header is not signed")
	}
	if !s.Presigned && !signed("x-amz-date") {
		return refuse(HeaderUnsigned, "X-Amz-Date is not signed")
	}
	for name := range r.Header {
		if len(name) < 6 || !strings.EqualFold(name[:6], "x-amz-") {
			continue
		}
		if !signed(strings.ToLower(name)) {
			if name == "X-Amz-Security-Token" {
				return refuse(HeaderUnsigned, "X-Amz-Security-Token is not signed; it must be there before the request is signed")
			}
			return refuse(HeaderUnsigned, "an X-Amz-* header of the request is not signed; all of them must be")
		}
	}
	return nil
}

// payloadHash returns the hexadecimal SHA-256 of the body, after comparing it with X-Amz-Content-Sha256.
func (r Request) payloadHash() (string, error) {
	said, err := r.single("X-Amz-Content-Sha256")
	if err != nil {
		return "", err
	}
	if said == "UNSIGNED-PAYLOAD" || strings.HasPrefix(said, "STREAMING-") {
		return "", refuse(BodyUnsigned, "X-Amz-Content-Sha256 says that the body is not signed as a whole; sign its SHA-256")
	}
	sum := sha256.Sum256(r.Body)
	hash := hex.EncodeToString(sum[:])
	if said != "" && said != hash {
		return "", refuse(BodyMismatch, "X-Amz-Content-Sha256 is not the SHA-256 of the body")
	}
	return hash, nil
}

// canonical returns the canonical request (AWS Signature Version 4, "create a canonical request").
func (r Request) canonical(query []parameter, signedHeaders []string, payload string) ([]byte, error) {
	b := make([]byte, 0, 1024)
	b = append(append(b, r.Method...), '\n')
	b = append(appendPath(b, r.Path, r.keepPath), '\n')
	b = append(appendQuery(b, query), '\n')
	start := len(b)
	for _, name := range signedHeaders {
		values, err := r.values(name)
		if err != nil {
			return nil, err
		}
		b = append(append(b, name...), ':')
		for i, v := range values {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCollapsed(b, v)
		}
		b = append(b, '\n')
		if len(b)-start > maxSignedBytes {
			return nil, refuse(Malformed, "the signed headers are longer than 32768 bytes")
		}
	}
	b = append(b, '\n')
	for i, name := range signedHeaders {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, payload...), nil
}

// values returns the values of a signed header. Host and Content-Length are those that the request really has.
func (r Request) values(name string) ([]string, error) {
	var values []string
	switch name {
	case "host":
		if r.Host != "" {
			values = []string{r.Host}
		}
	case "content-length":
		values = []string{strconv.Itoa(len(r.Body))}
	default:
		values = r.Header[textproto.CanonicalMIMEHeaderKey(name)]
	}
	if len(values) == 0 {
		return nil, refuse(HeaderMissing, "SignedHeaders names a header that the request does not have; perhaps a proxy removed it")
	}
	for _, v := range values {
		if strings.ContainsAny(v, "\r\n") {
			return nil, refuse(Malformed, "a signed header has a line break")
		}
	}
	return values, nil
}

// appendCollapsed appends v without spaces at its ends and with one space for several.
func appendCollapsed(b []byte, v string) []byte {
	v = strings.Trim(v, " \t")
	if !strings.Contains(v, "  ") {
		return append(b, v...)
	}
	for i := range len(v) {
		if v[i] != ' ' || v[i-1] != ' ' { // v does not begin with a space
			b = append(b, v[i])
		}
	}
	return b
}

// appendPath appends the path as services other than S3 sign it: normalized, then percent-encoded once more.
func appendPath(b []byte, p string, keep bool) []byte {
	if p == "" {
		p = "/"
	}
	if !keep && (strings.Contains(p, "//") || strings.Contains(p, "/.")) {
		clean := path.Clean(p)
		if strings.HasSuffix(p, "/") && clean != "/" {
			clean += "/"
		}
		p = clean
	}
	return appendEscaped(b, p, '/')
}

const upperHex = "0123456789ABCDEF"

// appendEscaped percent-encodes all of s but unreserved characters (RFC 3986 section 2.3) and the byte also.
func appendEscaped(b []byte, s string, also byte) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case alphanumeric(c), c == '-', c == '.', c == '_', c == '~', c == also:
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

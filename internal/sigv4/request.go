package sigv4

import (
	"net/http"
	"strings"
)

// The limits of what is read. Real requests stay far below them.
const (
	maxAuthorization = 8 << 10  // bytes of the Authorization header
	maxPath          = 4 << 10  // bytes
	maxQuery         = 16 << 10 // bytes; a presigned URL holds a session token
	maxParameters    = 128
	maxSignedHeaders = 64
	maxSignedBytes   = 32 << 10 // bytes of all signed header values
)

// Request is what a signature can cover.
type Request struct {
	Method   string
	Host     string      // the Host header as sent, with the port if it was sent
	Path     string      // as sent: percent-encoded, and not cleaned
	RawQuery string      // as sent, without the question mark
	Header   http.Header // keys as net/http makes them; Host and Content-Length are not looked up here
	Body     []byte      // all of it

	// keepPath leaves the path as it is instead of normalizing it, as S3 does. Only the test suite of AWS wants it.
	keepPath bool
}

// FromHTTP returns the Request of r, whose body was read into body.
func FromHTTP(r *http.Request, body []byte) Request {
	return Request{
		Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Header: r.Header, Body: body,
	}
}

// check refuses what is too long, or could put a line of its own into what is signed.
func (r Request) check() error {
	if !isToken(r.Method) {
		return refuse(Malformed, "the method is not an HTTP token")
	}
	if len(r.Path) > maxPath {
		return refuse(Malformed, "the path is longer than 4096 bytes")
	}
	if len(r.RawQuery) > maxQuery {
		return refuse(Malformed, "the query is longer than 16384 bytes")
	}
	return nil
}

// single returns the only value of the header name, empty when there is none.
func (r Request) single(name string) (string, error) {
	switch v := r.Header[name]; len(v) {
	case 0:
		return "", nil
	case 1:
		return strings.Trim(v[0], " \t"), nil
	}
	return "", refuse(Duplicate, "the request has more than one "+name+" header")
}

// isToken tells whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !alphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

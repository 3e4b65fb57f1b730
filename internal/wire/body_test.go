package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// padded returns a body of exactly size bytes that is good.
func padded(contentType string, size int) string {
	head, tail := `{"grantType":"refresh_token","pad":"`, `"}`
	if contentType == formContent {
		head, tail = `grant_type=refresh_token&pad=`, ""
	}
	return head + strings.Repeat("x", size-len(head)-len(tail)) + tail
}

func TestBodyLimitIsExact(t *testing.T) {
	for _, contentType := range []string{jsonContent, formContent} {
		for size, want := range map[int]signin.Kind{MaxTokenBody - 1: 0, MaxTokenBody: 0, MaxTokenBody + 1: signin.BodyTooLarge, 3 * MaxTokenBody: signin.BodyTooLarge} {
			body := padded(contentType, size)
			for name, c := range map[string]*Call{
				"Content-Length":            call(contentType, body),
				"no Content-Length":         unmeasured(contentType, strings.NewReader(body)),
				"chunked":                   chunked(t, contentType, body),
				"a byte at a time":          unmeasured(contentType, iotest.OneByteReader(strings.NewReader(body))),
				"data together with EOF":    unmeasured(contentType, iotest.DataErrReader(strings.NewReader(body))),
				"Content-Length is too low": lying(contentType, body, 10),
			} {
				got, err := DecodeToken(c)
				switch {
				case want == 0 && (err != nil || got.GrantType != "refresh_token" || len(got.Body) != size):
					t.Errorf("%s, %s, %d bytes: DecodeToken = %d bytes, %v, want all", contentType, name, size, len(got.Body), err)
				case want != 0 && signin.KindOf(err) != want:
					t.Errorf("%s, %s, %d bytes: DecodeToken = %v, want %v", contentType, name, size, err, want)
				}
			}
		}
	}
}

func unmeasured(contentType string, body io.Reader) *Call {
	c := call(contentType, "")
	c.Body, c.ContentLength = io.NopCloser(body), -1
	return c
}

func lying(contentType, body string, length int64) *Call {
	c := call(contentType, body)
	c.ContentLength = length
	return c
}

// chunked returns what net/http makes of a chunked request.
func chunked(t *testing.T, contentType, body string) *Call {
	t.Helper()
	var b strings.Builder
	b.WriteString("POST /v1/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Type: " + contentType + "\r\n\r\n")
	for rest := body; rest != ""; {
		n := min(1000, len(rest))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	b.WriteString("0\r\n\r\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.String())))
	if err != nil {
		t.Fatal(err)
	}
	return &Call{Request: r}
}

func TestTooLargeIsSaidBeforeTheBodyIsRead(t *testing.T) {
	c := lying(jsonContent, "", MaxTokenBody+1)
	c.Body = io.NopCloser(iotest.ErrReader(errors.New("the body was read")))
	if _, err := DecodeToken(c); signin.KindOf(err) != signin.BodyTooLarge {
		t.Errorf("DecodeToken with a Content-Length over the limit = %v, want BodyTooLarge", err)
	}
}

func TestBodyThatBreaksOffIsRefused(t *testing.T) {
	broken := errors.New("connection reset by 192.0.2.7")
	c := unmeasured(jsonContent, io.MultiReader(strings.NewReader(`{"clientId":"a"}`), iotest.ErrReader(broken)))
	_, err := DecodeToken(c)
	if signin.KindOf(err) != signin.BodyMalformed || !errors.Is(err, broken) {
		t.Errorf("DecodeToken = %v, want BodyMalformed because of %v", err, broken)
	}
	w := httptest.NewRecorder()
	WriteFault(w, c, err)
	if strings.Contains(w.Body.String(), "192.0.2.7") {
		t.Errorf("the cause is told to the caller: %s", w.Body)
	}
}

func TestOnlyTwoContentTypesAreRead(t *testing.T) {
	for _, contentType := range []string{
		"", "text/plain", "application/json2", "application/jsonp", "multipart/form-data; boundary=x", "application/json; charset=utf-16",
		"application/json; charset=latin1", "application/json; =", "application/json, application/x-www-form-urlencoded", "json",
		"application/vnd.api+json", "application/x-www-form-urlencoded; charset=iso-8859-1",
	} {
		if _, err := DecodeToken(call(contentType, `{"clientId":"a"}`)); signin.KindOf(err) != signin.ContentTypeUnsupported {
			t.Errorf("DecodeToken with Content-Type %q = %v, want ContentTypeUnsupported", contentType, err)
		}
	}
	twice := call(jsonContent, `{}`)
	twice.Header.Add("Content-Type", formContent)
	if _, err := DecodeToken(twice); signin.KindOf(err) != signin.ContentTypeUnsupported {
		t.Errorf("DecodeToken with two Content-Types = %v, want ContentTypeUnsupported", err)
	}
	for _, encoding := range []string{"gzip", "identity, gzip", "br"} {
		c := call(jsonContent, `{}`)
		c.Header.Set("Content-Encoding", encoding)
		if _, err := DecodeToken(c); signin.KindOf(err) != signin.ContentTypeUnsupported {
			t.Errorf("DecodeToken with Content-Encoding %q = %v, want ContentTypeUnsupported", encoding, err)
		}
	}
}

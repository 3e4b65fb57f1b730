package load

import (
	"crypto/ecdsa"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

// TokenPath is where all requests go (CreateOAuth2Token).
const TokenPath = "/v1/token"

// Token returns the bytes of a CreateOAuth2Token request to host (name and port) with that JSON body, with the headers
// that AWS SDKs send, and with a fresh proof by key for url whose iat is now.
func Token(host, url, body string, key *ecdsa.PrivateKey, now time.Time) []byte {
	invocation := newUUID()
	b := make([]byte, 0, 2048)
	b = append(b, "POST "+TokenPath+" HTTP/1.1\r\nHost: "+host+
		"\r\nUser-Agent: aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26.8 md/GOOS#linux md/GOARCH#amd64 api/signin#1.12.3 m/E"+
		"\r\nContent-Length: "+strconv.Itoa(len(body))+
		"\r\nAmz-Sdk-Invocation-Id: "+invocation+
		"\r\nAmz-Sdk-Request: attempt=1; max=3"+
		"\r\nContent-Type: application/json"+
		"\r\nDpop: "...)
	b = append(b, testkit.Proof(key, "POST", url, now, newUUID())...)
	b = append(b, "\r\nAccept-Encoding: gzip\r\n\r\n"...)
	return append(b, body...)
}

// newUUID returns a random UUID (RFC 9562 section 5.4), which is what SDKs send as jti.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

package load

import (
	"crypto/ecdsa"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey-id/latchkey/internal/testkit"
)

// TokenPath is where requests to the service go (CreateOAuth2Token).
const TokenPath = "/v1/token"

// Token returns the bytes of a CreateOAuth2Token request to host (name and port) with that JSON body, with the headers
// that AWS SDKs send, and with a fresh proof by key for url whose iat is now.
func Token(host, url, body string, key *ecdsa.PrivateKey, now time.Time) []byte {
	return post(host, TokenPath, "application/json", body, testkit.Proof(key, "POST", url, now, newUUID()))
}

// Form returns the bytes of a token request of OAuth (RFC 6749 section 4.1.3) to path at host, with that form as its
// body, and otherwise with what Token sends.
func Form(host, path, body string, key *ecdsa.PrivateKey, now time.Time) []byte {
	proof := testkit.Proof(key, "POST", "http://"+host+path, now, newUUID())
	return post(host, path, "application/x-www-form-urlencoded", body, proof)
}

// Signed returns the bytes of a request of an operation to path, with its query, at host, with that JSON as its body, signed
// by keys at now as an AWS SDK does.
func Signed(host, path, body string, keys testkit.Credentials, scope testkit.Scope) ([]byte, error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+host+path, nil)
	if err != nil {
		return nil, fmt.Errorf("make a signed request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	keys.Sign(r, []byte(body), scope)
	b := post(host, path, "application/json", body, "")
	at := len(b) - len(body) - len("\r\n")
	headers := "Authorization: " + r.Header.Get("Authorization") + "\r\nX-Amz-Date: " + r.Header.Get("X-Amz-Date") + "\r\n"
	return slices.Insert(b, at, []byte(headers)...), nil
}

// Bearer returns the bytes of a token request of OAuth without a proof, as clients send it that registered themselves.
func Bearer(host, path, form string) []byte {
	return post(host, path, "application/x-www-form-urlencoded", form, "")
}

func post(host, path, contentType, body, proof string) []byte {
	if proof != "" {
		proof = "\r\nDpop: " + proof
	}
	b := make([]byte, 0, 2048)
	b = append(b, "POST "+path+" HTTP/1.1\r\nHost: "+host+
		"\r\nUser-Agent: aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26.8 md/GOOS#linux md/GOARCH#amd64 api/signin#1.12.3 m/E"+
		"\r\nContent-Length: "+strconv.Itoa(len(body))+
		"\r\nAmz-Sdk-Invocation-Id: "+newUUID()+
		"\r\nAmz-Sdk-Request: attempt=1; max=3"+
		"\r\nContent-Type: "+contentType+
		proof+
		"\r\nAccept-Encoding: gzip\r\n\r\n"...)
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

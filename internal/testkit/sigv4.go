package testkit

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Credentials are what a program signs requests with. SessionToken is empty for a long-lived access key.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// Scope is what a signature is for, and when it is made.
type Scope struct {
	Service, Region string
	At              time.Time
}

const signTimeForm = "20060102T150405Z"

// Sign signs r, whose body is body, in its headers (AWS Signature Version 4). It is written apart from package sigv4, so
// that a mistake there is not made here as well; it signs what the tests send, which is no path that needs escaping.
func (c Credentials) Sign(r *http.Request, body []byte, s Scope) {
	r.Header.Set("X-Amz-Date", s.At.UTC().Format(signTimeForm))
	if c.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", c.SessionToken)
	}
	names := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); lower == "content-type" || strings.HasPrefix(lower, "x-amz-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.AccessKeyID+"/"+s.scope()+
		", SignedHeaders="+strings.Join(names, ";")+", Signature="+c.signature(r, names, hexSum(body), s))
}

// Presign puts the signature into the query of r, which has no body, good for expires.
func (c Credentials) Presign(r *http.Request, s Scope, expires time.Duration) {
	c.PresignBody(r, nil, s, expires)
}

// PresignBody is Presign for a request whose body is body, which the signature covers.
func (c Credentials) PresignBody(r *http.Request, body []byte, s Scope, expires time.Duration) {
	q := r.URL.Query()
	q.Set("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
	q.Set("X-Amz-Credential", c.AccessKeyID+"/"+s.scope())
	q.Set("X-Amz-Date", s.At.UTC().Format(signTimeForm))
	q.Set("X-Amz-Expires", strconv.Itoa(int(expires/time.Second)))
	q.Set("X-Amz-SignedHeaders", "host")
	if c.SessionToken != "" {
		q.Set("X-Amz-Security-Token", c.SessionToken)
	}
	r.URL.RawQuery = canonicalQuery(q)
	r.URL.RawQuery += "&X-Amz-Signature=" + c.signature(r, []string{"host"}, hexSum(body), s)
}

func (s Scope) scope() string {
	return s.At.UTC().Format("20060102") + "/" + s.Region + "/" + s.Service + "/aws4_request"
}

// signature follows the four tasks of the signing process in order.
func (c Credentials) signature(r *http.Request, names []string, payload string, s Scope) string {
	var headers strings.Builder
	for _, name := range names {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		headers.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	canonical := strings.Join([]string{
		r.Method, cmp.Or(r.URL.EscapedPath(), "/"), canonicalQuery(r.URL.Query()), headers.String(), strings.Join(names, ";"), payload,
	}, "\n")
	toSign := strings.Join([]string{
		"AWS4-HMAC-SHA256", s.At.UTC().Format(signTimeForm), s.scope(), hexSum([]byte(canonical)),
	}, "\n")
	key := []byte("AWS4" + c.SecretAccessKey)
	for _, part := range append(strings.Split(s.scope(), "/"), toSign) {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// canonicalQuery returns q sorted and encoded as it is signed, where a space is %20.
func canonicalQuery(q url.Values) string {
	for _, values := range q {
		slices.Sort(values)
	}
	return strings.ReplaceAll(q.Encode(), "+", "%20")
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

package sigv4

import (
	"strconv"
	"strings"
	"time"
)

// fromHeader reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…". The space after a comma is optional
// and the order free, because clients differ; unknown parts are refused.
func fromHeader(r Request, authorization string) (claim, error) {
	if len(authorization) > maxAuthorization {
		return claim{}, refuse(Malformed, "the Authorization header is longer than 8192 bytes")
	}
	name, rest, _ := strings.Cut(authorization, " ")
	if name != algorithm {
		return claim{}, refuse(Malformed, "the algorithm of the Authorization header is not "+algorithm)
	}
	var c claim
	for part := range strings.SplitSeq(rest, ",") {
		key, value, ok := strings.Cut(strings.Trim(part, " \t"), "=")
		var to *string
		switch key {
		case "Credential":
			to = &c.credential
		case "SignedHeaders":
			to = &c.signedHeaders
		case "Signature":
			to = &c.signature
		}
		if !ok || to == nil || value == "" {
			return claim{}, refuse(Malformed, "the Authorization header has a part that is not Credential, SignedHeaders or Signature, or is empty")
		}
		if *to != "" {
			return claim{}, refuse(Duplicate, "the Authorization header has "+key+" more than once")
		}
		*to = value
	}
	if c.credential == "" || c.signedHeaders == "" || c.signature == "" {
		return claim{}, refuse(Malformed, "the Authorization header lacks one of Credential, SignedHeaders and Signature")
	}
	var err error
	if c.date, err = r.single("X-Amz-Date"); err != nil {
		return claim{}, err
	}
	c.token, err = r.single("X-Amz-Security-Token")
	return c, err
}

// isPresigned tells whether the query holds any part of a signature.
func isPresigned(query []parameter) bool {
	for i := range query {
		switch query[i].name {
		case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature":
			return true
		}
	}
	return false
}

// fromQuery reads the parameters of a presigned URL.
func fromQuery(r Request, query []parameter) (claim, error) {
	c := claim{presigned: true}
	var name string
	parts := map[string]*string{
		"X-Amz-Algorithm": &name, "X-Amz-Credential": &c.credential, "X-Amz-SignedHeaders": &c.signedHeaders,
		"X-Amz-Signature": &c.signature, "X-Amz-Date": &c.date, "X-Amz-Expires": &c.expires, "X-Amz-Security-Token": &c.token,
	}
	for _, p := range query {
		to, ok := parts[p.name]
		if !ok {
			continue
		}
		if *to != "" {
			return claim{}, refuse(Duplicate, "the query has "+p.name+" more than once")
		}
		if p.value == "" {
			return claim{}, refuse(Malformed, p.name+" in the query is empty")
		}
		*to = p.value
	}
	for _, needed := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date", "X-Amz-Expires"} {
		if *parts[needed] == "" {
			return claim{}, refuse(Malformed, "the query has parts of a signature, but lacks "+needed)
		}
	}
	if name != algorithm {
		return claim{}, refuse(Malformed, "X-Amz-Algorithm is not "+algorithm)
	}
	if len(r.Header["X-Amz-Security-Token"]) > 0 {
		return claim{}, refuse(Duplicate, "a presigned request has its X-Amz-Security-Token in the query, not in a header")
	}
	return c, nil
}

// readSignedHeaders reads names with semicolons between them, which must be in lower case, sorted and each there once.
func readSignedHeaders(list string) ([]string, error) {
	names := strings.Split(list, ";")
	if len(names) > maxSignedHeaders {
		return nil, refuse(Malformed, "SignedHeaders has more than 64 names")
	}
	for i, n := range names {
		if !isToken(n) || strings.ToLower(n) != n {
			return nil, refuse(Malformed, "SignedHeaders is not a list of lower-case header names with semicolons between them")
		}
		if i > 0 && names[i-1] >= n {
			return nil, refuse(Malformed, "SignedHeaders is not sorted, or names a header twice")
		}
	}
	return names, nil
}

// readExpires reads X-Amz-Expires.
func readExpires(s string) (time.Duration, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < 1 || n > 604800 {
		return 0, refuse(Malformed, "X-Amz-Expires is not a number of seconds from 1 to 604800")
	}
	return time.Duration(n) * time.Second, nil
}

package dpop

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// base is a public base URL of the server, normalized.
type base struct {
	origin string // scheme://host[:port], as a client that normalizes writes it
	host   string // lower case, no brackets
	port   string // empty when it is the scheme's own
	// plainLocal: http on a loopback address, where a client that always writes https and no port still means us.
	plainLocal bool
}

// parseBase checks and normalizes a public base URL.
func parseBase(s string) (base, error) {
	u, err := url.Parse(s)
	if err != nil {
		return base{}, fmt.Errorf("dpop: public base URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return base{}, fmt.Errorf("dpop: public base URL %q does not begin with http:// or https:// and a host", s)
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return base{}, fmt.Errorf("dpop: public base URL %q has more than scheme, host and port", s)
	}
	b := base{host: strings.ToLower(u.Hostname()), port: portOf(u)}
	b.plainLocal = u.Scheme == "http" && loopback(b.host)
	b.origin = u.Scheme + "://" + b.host
	if strings.Contains(b.host, ":") {
		b.origin = u.Scheme + "://[" + b.host + "]"
	}
	if b.port != "" {
		b.origin += ":" + b.port
	}
	return b, nil
}

// serves tells whether htu is path under one of the bases.
//
// RFC 9449 section 4.3 (9) compares without query and fragment. Beyond it, user information is dropped and slashes are
// merged, because clients build htu from what they were configured with; and http stands for https and the other way
// round, because the server may be behind a proxy that ends TLS, and some clients always write https.
func (v *Verifier) serves(htu, path string) bool {
	for i := range v.bases {
		if rest, ok := strings.CutPrefix(htu, v.bases[i].origin); ok && rest == path {
			return true // what nearly all proofs say
		}
	}
	u, err := url.Parse(htu)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return false
	}
	if mergeSlashes(u.EscapedPath()) != mergeSlashes(path) {
		return false
	}
	host, port := strings.ToLower(u.Hostname()), portOf(u)
	for i := range v.bases {
		b := &v.bases[i]
		if b.host != host {
			continue
		}
		if b.port == port || b.plainLocal && u.Scheme == "https" && port == "" {
			return true
		}
	}
	return false
}

// portOf returns the port of u, empty when it is the one that u's scheme implies.
func portOf(u *url.URL) string {
	p := u.Port()
	if u.Scheme == "http" && p == "80" || u.Scheme == "https" && p == "443" {
		return ""
	}
	return p
}

// loopback tells whether host, in lower case and without brackets, is this machine.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// mergeSlashes makes one slash of several: a base URL that ends in a slash gives "//v1/token" in some clients.
func mergeSlashes(p string) string {
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	return p
}

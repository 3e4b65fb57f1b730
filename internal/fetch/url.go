package fetch

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// maxURL is the longest URL that is fetched, in characters.
const maxURL = 2048

// hostPattern is a host name in ASCII, without a dot at either end.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$`)

// check takes a URL apart. It returns an ErrURL where it is not one that may be fetched under these options.
func (f *Fetcher) check(text string) (u *url.URL, overHTTP bool, err error) {
	if len(text) > maxURL {
		return nil, false, refuse(ErrURL, "it is too long")
	}
	for i := 0; i < len(text); i++ {
		if c := text[i]; c <= ' ' || c > '~' || c == '\\' {
			return nil, false, refuse(ErrURL, "it holds a space, a control character, a backslash or a character outside ASCII")
		}
	}
	u, err = url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "":
		return nil, false, refuse(ErrURL, "it is not absolute")
	case u.User != nil || strings.Contains(u.Host, "@"):
		return nil, false, refuse(ErrURL, "it holds a user name")
	case strings.Contains(text, "#"):
		return nil, false, refuse(ErrURL, "it holds a fragment")
	case strings.HasSuffix(u.Host, ":") || !goodHost(u):
		return nil, false, refuse(ErrURL, "its host is not a plain name or address")
	}
	switch u.Scheme {
	case "https":
		if port := u.Port(); port != "" && port != "443" && !f.options.AllowPrivate {
			return nil, false, refuse(ErrURL, "its port is not 443")
		}
		return u, false, nil
	case "http":
		if f.options.AllowLoopbackHTTP && loopbackName(u.Hostname()) {
			return u, true, nil
		}
	}
	return nil, false, refuse(ErrURL, "it is not https")
}

func goodHost(u *url.URL) bool {
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		addr, err := netip.ParseAddr(host)
		return err == nil && addr.Is6() && addr.Zone() == ""
	}
	return len(host) <= 253 && hostPattern.MatchString(host)
}

// loopbackName tells whether host is loopback by its name alone. What it resolves to is checked as well.
func loopbackName(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

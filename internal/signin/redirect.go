package signin

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ConfirmationPath is where the cross-device flow shows its verification code (wire: AuthorizeOAuth2Access,
// redirect_uri of the cross-device client).
const ConfirmationPath = "/v1/sessions/confirmation"

// MaxRedirectURI is the longest redirect URI in characters (CreateOAuth2Token, redirectUri).
const MaxRedirectURI = 2048

// AllowRedirect returns nil when client may be sent to uri, else a fault whose message says why not. It never allows
// an unregistered host, so that no code leaves for a stranger.
//
// A same-device client is sent to http on a loopback address, any port and path (RFC 8252 section 7.3). The cross-device
// client is sent to the confirmation page of one of the server's own base URLs, and to nothing else. A confidential or
// dynamic client is sent to a registered URI, byte for byte; where that is http on loopback, to any port of it.
func AllowRedirect(client Client, uri string, base []string) error {
	u, err := parseRedirect(uri)
	if err != nil {
		return err
	}
	switch {
	case client.ID == SameDevice:
		if u.Scheme != "http" || !isLoopback(u) {
			return Refuse(ParameterInvalid, "redirect_uri of the same-device client must be http on 127.0.0.1, localhost or [::1]")
		}
		return nil
	case client.ID == CrossDevice:
		for _, b := range base {
			if uri == b+ConfirmationPath {
				return nil
			}
		}
		return Refuse(ParameterInvalid, "redirect_uri of the cross-device client must be %s of this server under one of its public base URLs", ConfirmationPath)
	case client.hasRedirect(uri):
		return nil
	case u.Scheme == "http" && isLoopback(u):
		for _, registered := range client.RedirectURIs {
			if r, err := url.Parse(registered); err == nil && sameButPort(r, u) {
				return nil
			}
		}
	}
	return Refuse(ParameterInvalid, "redirect_uri is not registered for this client")
}

// CheckRegistration returns nil when uri may be registered for a confidential client: https, or http on loopback.
func CheckRegistration(uri string) error {
	u, err := parseRedirect(uri)
	if err != nil {
		return err
	}
	if u.Scheme == "https" || (u.Scheme == "http" && isLoopback(u)) {
		return nil
	}
	return Refuse(ParameterInvalid, "redirect_uri must be https, or http on 127.0.0.1, localhost or [::1]")
}

// parseRedirect takes uri apart, and refuses what different parsers could read differently.
func parseRedirect(uri string) (*url.URL, error) {
	if uri == "" {
		return nil, Refuse(ParameterMissing, "redirect_uri is missing")
	}
	if len(uri) > MaxRedirectURI {
		return nil, Refuse(ParameterInvalid, "redirect_uri is longer than %d characters", MaxRedirectURI)
	}
	for i := 0; i < len(uri); i++ {
		if c := uri[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return nil, Refuse(ParameterInvalid, "redirect_uri holds a space, a control character, a backslash or a character outside ASCII")
		}
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || u.Scheme == "":
		return nil, Refuse(ParameterInvalid, "redirect_uri is not an absolute URL")
	case strings.IndexFunc(u.Host, func(r rune) bool { return r >= 0x80 }) >= 0:
		// It was percent-encoded. Browsers turn such letters into others: localho%C5%BFt is localhost to them.
		return nil, Refuse(ParameterInvalid, "redirect_uri holds a host name that is not ASCII")
	case u.User != nil || strings.Contains(u.Host, "@"):
		return nil, Refuse(ParameterInvalid, "redirect_uri holds a user name")
	case strings.Contains(uri, "#"):
		return nil, Refuse(ParameterInvalid, "redirect_uri holds a fragment")
	}
	return u, nil
}

// isLoopback tells whether the host of u is a literal loopback address or localhost, with a valid port or none.
func isLoopback(u *url.URL) bool {
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	host := u.Hostname()
	if strings.EqualFold(host, "localhost") { // only ASCII gets here, so no other letter folds to these
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && (addr == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || addr == netip.IPv6Loopback())
}

func sameButPort(registered, asked *url.URL) bool {
	return registered.Scheme == asked.Scheme && registered.Hostname() == asked.Hostname() && isLoopback(registered) &&
		registered.EscapedPath() == asked.EscapedPath() && registered.RawQuery == asked.RawQuery
}

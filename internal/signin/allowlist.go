package signin

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// RedirectList is where clients that register themselves may be sent to, beside http on loopback, which always may be. A
// stranger registers what they like, so what is not in the list is refused: else anybody could have the codes of people
// who are not careful (RFC 9700 section 4.1).
type RedirectList struct {
	exact    []string
	prefixes []string
}

// DefaultRedirects are the patterns that AWS documents for CreateOAuth2PublicClient, beside loopback.
func DefaultRedirects() []string {
	return []string{
		"https://claude.ai/*",
		"cursor://anysphere.cursor-mcp/oauth/callback",
		"https://www.cursor.com/agents/mcp/oauth/callback",
		"vscode://*",
		"https://vscode.dev/*",
		"https://chatgpt.com/*",
		"https://replit.com/",
		"https://lovable.app/*",
		"https://lovable.dev/*",
		"https://api.v0.dev/v1/mcp-servers/oauth/callback",
	}
}

// refusedSchemes are those that run what they are given, show it under a name that is not its own, read what is on the
// person's computer, send in the clear, or start a program that is known to obey what it is handed. No list can allow them.
var refusedSchemes = []string{
	"javascript", "vbscript", "data", "blob", "filesystem", "about", "view-source", "jar",
	"file", "content", "resource", "chrome", "edge", "res",
	"http", "ws", "wss", "ftp", "sftp", "ldap", "ldaps", "gopher", "telnet", "ssh", "smb", "rdp",
	"intent", "mailto", "tel", "sms", "shell", "search-ms", "search", "ms-msdt", "ms-officecmd", "ms-appinstaller",
}

// ParseRedirectList returns the list of patterns. Each is a URI, or the beginning of URIs with one * at its end. The
// beginning must say the scheme and the host and go on to the / after it, so that no other host begins the same way; only
// a scheme that belongs to an application can stand alone, like vscode://*.
//
// The error is a fault that says which rule a pattern breaks, without its position.
func ParseRedirectList(patterns []string) (RedirectList, error) {
	var l RedirectList
	for _, pattern := range patterns {
		prefix, wild := strings.CutSuffix(pattern, "*")
		if strings.Contains(prefix, "*") {
			return l, refusePattern("* may stand at its end only, once")
		}
		if err := checkPattern(prefix, wild); err != nil {
			return l, err
		}
		if wild {
			l.prefixes = append(l.prefixes, prefix)
		} else {
			l.exact = append(l.exact, pattern)
		}
	}
	return l, nil
}

// schemePattern is RFC 3986 section 3.1, in lower case.
var schemePattern = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)

func refusePattern(why string) error {
	return Refuse(ParameterInvalid, "a redirect pattern is refused: %s", why)
}

func checkPattern(prefix string, wild bool) error {
	scheme, rest, ok := strings.Cut(prefix, "://")
	switch {
	case !ok || !schemePattern.MatchString(scheme):
		return refusePattern("it must begin with a scheme in lower case and ://")
	case slices.Contains(refusedSchemes, scheme):
		return refusePattern(scheme + " is never allowed; http on loopback needs no pattern")
	case wild && strings.Contains(prefix, "?"):
		return refusePattern("with * at its end it must not have a query")
	case wild && rest == "" && scheme != "https":
		return nil // everything of one application
	case wild && !strings.Contains(rest, "/"):
		return refusePattern("before *, it must go on to the / after its host: without it, other hosts begin the same way")
	}
	u, err := parseRedirect(prefix)
	if err != nil {
		return refusePattern(strings.Replace(messageOf(err), "redirect_uri", "it", 1))
	}
	if scheme == "https" && u.Host != strings.ToLower(u.Host) {
		return refusePattern("its host must be in lower case")
	}
	return checkAuthority(prefix, u)
}

// Check returns nil when a client may register uri, else a RedirectRefused fault whose message does not repeat it.
func (l RedirectList) Check(uri string) error {
	u, err := parseRedirect(uri)
	if err != nil {
		return Refuse(RedirectRefused, "%s", messageOf(err))
	}
	if u.Scheme == "http" && isLoopback(u) {
		return nil
	}
	if slices.Contains(l.exact, uri) {
		return nil
	}
	for _, prefix := range l.prefixes {
		if !strings.HasPrefix(uri, prefix) {
			continue
		}
		if err := checkAuthority(uri, u); err != nil {
			return err
		}
		return checkPath(u)
	}
	return Refuse(RedirectRefused, "redirect_uri is neither http on 127.0.0.1, localhost or [::1], nor in this server's list; its operator can add it to registration.redirect_uris")
}

// checkAuthority refuses a host that is not written plainly. Where all hosts of a scheme are allowed, another parser may
// find another host in it.
func checkAuthority(uri string, u *url.URL) error {
	_, rest, _ := strings.Cut(uri, "://")
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
	}
	if authority != u.Host || strings.Contains(authority, "%") {
		return Refuse(RedirectRefused, "redirect_uri holds a host name with percent-encoding")
	}
	return nil
}

// checkPath refuses what leads out of a folder: . and .. in a path, however they are encoded, and slashes that are.
func checkPath(u *url.URL) error {
	path := strings.ToLower(u.EscapedPath())
	for _, code := range []string{"%2f", "%5c", "%00", "%25"} { // the last, because some servers decode twice
		if strings.Contains(path, code) {
			return Refuse(RedirectRefused, "redirect_uri holds a path with an encoded slash, backslash, percent sign or zero byte")
		}
	}
	for segment := range strings.SplitSeq(strings.ReplaceAll(path, "%2e", "."), "/") {
		// Some servers cut parameters off a segment before they look at it.
		if segment, _, _ = strings.Cut(segment, ";"); segment == "." || segment == ".." {
			return Refuse(RedirectRefused, "redirect_uri holds a path with . or .. in it")
		}
	}
	return nil
}

// messageOf returns what a fault tells the caller.
func messageOf(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Message
	}
	return ""
}

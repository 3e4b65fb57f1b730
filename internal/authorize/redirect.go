package authorize

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// redirect returns the redirect URI of values, byte for byte as it came, if the client may be sent there.
func (p *Pages) redirect(client signin.Client, values url.Values) (string, error) {
	uri, err := one(values, "redirect_uri")
	if err != nil {
		return "", err
	}
	return uri, p.allow(client, uri)
}

// allow returns nil when the client may be sent to uri.
func (p *Pages) allow(client signin.Client, uri string) error {
	if err := signin.AllowRedirect(client, uri, p.Base); err != nil {
		return err
	}
	// A code of the same-device client must not be shown for copying, because people and policies that allow it did not
	// allow that. In development this server is on loopback itself, where any port would do.
	if client.ID != signin.CrossDevice && p.isOwn(uri) {
		return signin.Refuse(signin.ParameterInvalid, "redirect_uri is on this server itself, which only the cross-device client may use")
	}
	return nil
}

// isOwn tells whether uri, which was checked, is on this server. All names of loopback are one.
func (p *Pages) isOwn(uri string) bool {
	target, err := url.Parse(uri)
	if err != nil {
		return true
	}
	for _, base := range p.Base {
		if own, err := url.Parse(base); err == nil && origin(own) == origin(target) {
			return true
		}
	}
	return false
}

// origin returns scheme, host and port of u so that two that a browser takes to one server are equal.
func origin(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname())
	if isLoopback(host) {
		host = "localhost"
	}
	port, err := strconv.Atoi(u.Port()) // 080 is 80
	if err != nil {
		port = map[string]int{"http": 80, "https": 443}[scheme]
	}
	return scheme + "://" + host + ":" + strconv.Itoa(port)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

// parameter is one member of an answer's query; an empty value is left out.
type parameter struct{ name, value string }

// redirectTo returns uri with the parameters added to its query, keeping what is there (RFC 6749 section 4.1.2). uri was
// checked: it has no fragment.
func redirectTo(uri string, parameters ...parameter) string {
	var b strings.Builder
	b.WriteString(uri)
	separator := "?"
	if i := strings.IndexByte(uri, '?'); i >= 0 {
		separator = "&"
		if last := uri[len(uri)-1]; last == '?' || last == '&' {
			separator = ""
		}
	}
	for _, p := range parameters {
		if p.value == "" {
			continue
		}
		b.WriteString(separator)
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(escape(p.value))
		separator = "&"
	}
	return b.String()
}

// escape writes a space as %20, which form decoders and plain percent-decoders read alike.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

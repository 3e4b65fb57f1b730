package postgres

import (
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// verifyRemote returns the connection string with sslmode=verify-full where c, which was read from it, leads to another
// machine and nobody has said how the way there is to be protected. The library would try TLS without asking who is
// there, and go on in plaintext where that fails.
func verifyRemote(connection string, c *pgconn.Config) string {
	if !leadsAway(c) || !mayBePlain(c) || saysTLS(connection) || os.Getenv("PGSSLMODE") != "" {
		return connection
	}
	switch {
	case !isURL(connection):
		return connection + " sslmode=verify-full"
	case strings.Contains(connection, "?"):
		return connection + "&sslmode=verify-full"
	}
	return connection + "?sslmode=verify-full"
}

// hidden are the parts of a connection string of libpq in which a name of an option is none: quoted values, and what is
// behind a backslash.
var (
	hidden  = regexp.MustCompile(`'(?:[^'\\]|\\.)*'|\\.`)
	tlsWord = regexp.MustCompile(`(?:^|\s)sslmode\s*=`)
)

// saysTLS tells whether the connection string has an sslmode.
func saysTLS(connection string) bool {
	if !isURL(connection) {
		return tlsWord.MatchString(hidden.ReplaceAllString(connection, ""))
	}
	_, query, _ := strings.Cut(connection, "?")
	options, err := url.ParseQuery(query)
	return err == nil && (options.Has("sslmode") || options.Has("ssl"))
}

func isURL(connection string) bool {
	return strings.HasPrefix(connection, "postgres://") || strings.HasPrefix(connection, "postgresql://")
}

// leadsAway tells whether any of the hosts is neither this machine nor a socket in its file system.
func leadsAway(c *pgconn.Config) bool {
	away := func(host string) bool {
		ip := net.ParseIP(host)
		return !strings.HasPrefix(host, "/") && host != "localhost" && (ip == nil || !ip.IsLoopback())
	}
	for _, f := range c.Fallbacks {
		if away(f.Host) {
			return true
		}
	}
	return away(c.Host)
}

// mayBePlain tells whether any host is tried first with TLS and then without, which is what the library does when it is
// told nothing. A service file may have told it otherwise.
func mayBePlain(c *pgconn.Config) bool {
	for _, f := range c.Fallbacks {
		if f.TLSConfig == nil {
			return c.TLSConfig != nil
		}
	}
	return false
}

package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/signin"
)

var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)

// Check returns nil, or says which key is wrong and how to mend it. It fills in what depends on other keys.
func (c *Config) Check() error {
	if err := c.Database.check(); err != nil {
		return err
	}
	switch shared := c.Database.Shared(); {
	case c.Data == "" && !shared:
		return errors.New("data is missing: name the directory that the database shall be in, or a PostgreSQL server in database.url")
	case c.Data != "" && shared:
		return errors.New("data and database.url are both set: the database is either a file in data or that server. `latchkey store copy` moves it")
	}
	if err := c.RootKey.check("root_key"); err != nil {
		return err
	}
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		return errors.New("tls needs both certificate and key, or neither")
	}
	if len(c.BaseURLs) == 0 {
		if host, port, err := net.SplitHostPort(c.Listen); err != nil || host == "" || port == "0" || isWildcard(host) {
			return errors.New("base_urls is missing: name the URLs under which clients reach the server. They cannot be told from listen: " + c.Listen)
		}
		scheme := "http://"
		if c.TLS.Certificate != "" {
			scheme = "https://"
		}
		c.BaseURLs = []string{scheme + c.Listen}
	}
	for i, base := range c.BaseURLs {
		clean, err := checkBaseURL(base)
		if err != nil {
			return fmt.Errorf("base_urls: %q %w", base, err)
		}
		c.BaseURLs[i] = clean
	}
	if !regionPattern.MatchString(c.Region) {
		return fmt.Errorf("region: %q is not of the form us-east-1", c.Region)
	}
	if !slices.Contains(keyring.Algorithms, c.IDToken.Algorithm) {
		return fmt.Errorf("id_token.algorithm: %q is not one of %s", c.IDToken.Algorithm, strings.Join(keyring.Algorithms, ", "))
	}
	if c.Log.Format != "json" && c.Log.Format != "text" {
		return fmt.Errorf("log.format: %q is neither json nor text", c.Log.Format)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		return fmt.Errorf("log.level: %q is not one of debug, info, warn, error", c.Log.Level)
	}
	if _, err := c.Proxies(); err != nil {
		return err
	}
	if err := c.NetworkKeys.check(len(c.TrustedProxies) > 0); err != nil {
		return err
	}
	if c.Keys.Rotate < time.Hour {
		return errors.New("keys.rotate must be at least 1h")
	}
	return errors.Join(c.Telemetry.check(), c.Shutdown.check(), c.Audit.check(), c.Reuse.check(), c.Lifetimes.check(), c.Limits.check(), c.Registration.check())
}

// isWildcard tells whether host stands for every address of the machine.
func isWildcard(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsUnspecified()
}

// checkBaseURL returns base as browsers and clients write it: host in lower case, no port that the scheme implies, no
// slash at the end. Clients keep only scheme and authority of an endpoint for some of their requests, so a path cannot
// work.
func checkBaseURL(base string) (string, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil || !hostPattern.MatchString(u.Hostname()) || (u.Scheme != "http" && u.Scheme != "https"):
		return "", errors.New("is not a URL like https://signin.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", errors.New("has more than a scheme, a host and a port")
	case u.Path != "" && u.Path != "/":
		return "", errors.New("has a path. AWS clients drop it from some of their requests, so the server must be at the root of a host: give it a host name or a port of its own")
	}
	host := strings.ToLower(strings.TrimSuffix(u.Host, ":"))
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return "", errors.New("has a port that is not from 1 to 65535")
		}
		host = strings.TrimSuffix(host, ":"+text)
		if port != impliedPort[u.Scheme] {
			host += ":" + strconv.FormatUint(port, 10)
		}
	}
	return u.Scheme + "://" + host, nil
}

// hostPattern is a name in ASCII, or an address without a zone.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+$|^[0-9A-Fa-f:.]+$`)

var impliedPort = map[string]uint64{"http": 80, "https": 443}

// Proxies returns TrustedProxies as prefixes.
func (c *Config) Proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range c.TrustedProxies {
		if addr, err := netip.ParseAddr(s); err == nil {
			addr = addr.Unmap()
			all = append(all, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("trusted_proxies: %q is neither an address nor a range like 10.0.0.0/8", s)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

func (l Lifetimes) check() error {
	var errs []error
	for _, f := range []struct {
		name     string
		d        time.Duration
		min, max time.Duration
	}{
		{"code", l.Code, time.Second, time.Hour},
		{"code_cross_device", l.CodeCrossDevice, time.Second, time.Hour},
		{"step", l.Step, time.Second, 12 * time.Hour},
		{"credentials", l.Credentials, 2 * time.Second, 36 * time.Hour},
		{"access_token", l.AccessToken, time.Second, time.Hour},
		{"session", l.Session, 2 * time.Second, signin.MaxSession},
		{"id_token", l.IDToken, time.Second, 24 * time.Hour},
		{"proof", l.Proof, time.Second, time.Hour},
		{"browser", l.Browser, time.Second, signin.MaxSession},
	} {
		if f.d < f.min || f.d > f.max || f.d%time.Second != 0 {
			errs = append(errs, fmt.Errorf("lifetimes.%s must be whole seconds from %s to %s", f.name, f.min, f.max))
		}
	}
	if l.Credentials < 2*l.Step {
		errs = append(errs, errors.New("lifetimes.credentials must be at least twice lifetimes.step, so that the credentials of the last refresh outlive the step"))
	}
	return errors.Join(errs...)
}

// Signin returns the lifetimes in the words of the rooms.
func (l Lifetimes) Signin() signin.Lifetimes {
	return signin.Lifetimes{
		CodeSameDevice: l.Code, CodeCrossDevice: l.CodeCrossDevice, Step: l.Step, Credentials: l.Credentials, AccessToken: l.AccessToken,
		Session: l.Session, IDToken: l.IDToken, Proof: l.Proof, Browser: l.Browser,
	}
}

func (l Limits) check() error {
	switch {
	case math.IsNaN(l.Client.PerSecond + l.Address.PerSecond):
		return errors.New("limits.client.per_second and limits.address.per_second must be numbers; 0 is no limit")
	case l.Client.PerSecond < 0 || l.Client.Burst < 0 || l.Address.PerSecond < 0 || l.Address.Burst < 0:
		return errors.New("limits must not be negative; 0 is no limit")
	case l.Wait < 0 || l.Wait > 30*time.Second:
		return errors.New("limits.wait must be from 0s to 30s")
	case l.InFlight < 1:
		return errors.New("limits.in_flight must be at least 1")
	case l.Connections < 1:
		return errors.New("limits.connections must be at least 1")
	}
	return nil
}

// Rule returns r as a rule of package limit.
func (r Rate) Rule(wait time.Duration) limit.Rule {
	return limit.Rule{PerSecond: r.PerSecond, Burst: r.Burst, Wait: wait}
}

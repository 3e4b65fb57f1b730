package config

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// usable returns a configuration that passes the check.
func usable() Config {
	c := Default()
	c.Data, c.RootKey.File, c.BaseURLs = "/data", "/root.key", []string{"https://signin.example.com"}
	return c
}

// Each rule has a case that breaks it and nothing else, and a message that says which key and what to do.
func TestCheckNamesTheKeyAndTheRemedy(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*Config)
		want  []string
	}{
		{"no data", func(c *Config) { c.Data = "" }, []string{"data is missing", "directory"}},
		{"data and a database server", func(c *Config) { c.Database.URL = "postgres://db/latchkey" }, []string{"data and database.url", "latchkey store copy"}},
		{"two database URLs", func(c *Config) { c.Data, c.Database.URL, c.Database.URLEnv = "", "postgres://db/latchkey", "X" }, []string{"url and url_env"}},
		{"two replicas", func(c *Config) { c.Database.ReplicaURL, c.Database.ReplicaURLEnv = "postgres://db/latchkey", "X" }, []string{"replica_url and replica_url_env"}},
		{"a replica of nothing", func(c *Config) { c.Database.ReplicaURLEnv = "X" }, []string{"database.replica_url", "database.url"}},
		{"one connection", func(c *Config) { c.Database.Connections = 1 }, []string{"database.connections"}},
		{"a sample above all", func(c *Config) { c.Telemetry.Sample = 1.1 }, []string{"telemetry.sample"}},
		{"a sample that is no number", func(c *Config) { c.Telemetry.Sample = math.NaN() }, []string{"telemetry.sample"}},
		{"an interval of nothing", func(c *Config) { c.Telemetry.Interval = 0 }, []string{"telemetry.interval"}},
		{"a collector that is no URL", func(c *Config) { c.Telemetry.Endpoint = "localhost:4318" }, []string{"telemetry.otlp_endpoint"}},
		{"a collector with a password", func(c *Config) { c.Telemetry.Endpoint = "http://me:pw@127.0.0.1:4318" }, []string{"OTEL_EXPORTER_OTLP_HEADERS"}},
		{"a negative delay", func(c *Config) { c.Shutdown.Delay = -1 }, []string{"shutdown.delay"}},
		{"a long timeout", func(c *Config) { c.Shutdown.Timeout = time.Hour }, []string{"shutdown.timeout"}},
		{"a short trail", func(c *Config) { c.Audit.Keep = time.Minute }, []string{"audit.keep"}},
		{"an account that is none", func(c *Config) { c.Reuse.Revoke = []string{"1"} }, []string{"reuse.revoke", "twelve digits"}},
		{"revoking what is not noticed", func(c *Config) { c.Reuse = Reuse{Revoke: []string{"111122223333"}} }, []string{"reuse.detect"}},
		{"a registration of a minute", func(c *Config) { c.Registration.Lifetime = time.Minute }, []string{"registration.lifetime", "1h to 8760h"}},
		{"a registration of two years", func(c *Config) { c.Registration.Lifetime = 17520 * time.Hour }, []string{"registration.lifetime"}},
		{"a negative rate of registrations", func(c *Config) { c.Registration.Address.PerSecond = -1 }, []string{"registration.address"}},
		{"a rate of registrations that is no number", func(c *Config) { c.Registration.Address.PerSecond = math.NaN() }, []string{"registration.address"}},
		{"no room for registrations", func(c *Config) { c.Registration.Most = 0 }, []string{"registration.most", "registration.enabled"}},
		{"every redirect", func(c *Config) { c.Registration.RedirectURIs = []string{"https://a.example/*", "https://*"} }, []string{"registration.redirect_uris[1]", "/ after its host"}},
		{"a script as redirect", func(c *Config) { c.Registration.RedirectURIs = []string{"javascript://*"} }, []string{"registration.redirect_uris[0]", "never allowed"}},
		{"too many redirects", func(c *Config) { c.Registration.RedirectURIs = make([]string, 1001) }, []string{"registration.redirect_uris has 1001"}},
		{"no root key", func(c *Config) { c.RootKey = RootKey{} }, []string{"root_key", "latchkey init"}},
		{"two root keys", func(c *Config) { c.RootKey.Env = "X" }, []string{"root_key", "exactly one"}},
		{"a file and a KMS", func(c *Config) { c.RootKey.AWSKMS.KeyID = "alias/a" }, []string{"root_key", "exactly one"}},
		{"a file and a Vault", func(c *Config) { c.RootKey.Vault.Key = "a" }, []string{"root_key", "exactly one"}},
		{"a KMS without a key", func(c *Config) { c.RootKey = RootKey{AWSKMS: AWSKMS{Region: "us-east-1"}} }, []string{"root_key.aws_kms.key_id is missing"}},
		{"a KMS key", func(c *Config) { c.RootKey = RootKey{AWSKMS: AWSKMS{KeyID: "a b"}} }, []string{"root_key.aws_kms.key_id"}},
		{"a KMS region", func(c *Config) { c.RootKey = RootKey{AWSKMS: AWSKMS{KeyID: "a", Region: "here"}} }, []string{"root_key.aws_kms.region"}},
		{"a KMS in clear", func(c *Config) { c.RootKey = RootKey{AWSKMS: AWSKMS{KeyID: "a", Endpoint: "http://kms.example"}} }, []string{"root_key.aws_kms.endpoint must be https"}},
		{"a Vault without an address", func(c *Config) { c.RootKey = RootKey{Vault: Vault{Key: "a", TokenEnv: "T"}} }, []string{"root_key.vault.address is not a URL"}},
		{"a Vault in clear", func(c *Config) {
			c.RootKey = RootKey{Vault: Vault{Address: "http://vault.example", Key: "a", TokenEnv: "T"}}
		}, []string{"root_key.vault.address must be https"}},
		{"a Vault without a key", func(c *Config) { c.RootKey = RootKey{Vault: Vault{Address: "https://vault.example", TokenEnv: "T"}} }, []string{"root_key.vault.key"}},
		{"a Vault without a token", func(c *Config) { c.RootKey = RootKey{Vault: Vault{Address: "https://vault.example", Key: "a"}} }, []string{"root_key.vault.token_env or token_file"}},
		{"a further place that is none", func(c *Config) { c.RootKey.Also = []RootKey{{File: "a"}, {}} }, []string{"root_key.also[1] needs exactly one"}},
		{"a further place in a further place", func(c *Config) { c.RootKey.Also = []RootKey{{File: "a", Also: []RootKey{{File: "b"}}}} }, []string{"root_key.also[0]", "list all places in root_key.also"}},
		{"too many further places", func(c *Config) { c.RootKey.Also = make([]RootKey, 9) }, []string{"root_key.also names 9 places, at most 8"}},
		{"half a certificate", func(c *Config) { c.TLS.Certificate = "c" }, []string{"tls needs both"}},
		{"only a TLS key", func(c *Config) { c.TLS.Key = "k" }, []string{"tls needs both"}},
		{"a base URL with a path", func(c *Config) { c.BaseURLs = []string{"https://a.example/signin"} }, []string{"base_urls", "has a path", "host name or a port"}},
		{"a base URL with two slashes", func(c *Config) { c.BaseURLs = []string{"https://a.example//"} }, []string{"has a path"}},
		{"a second base URL with a path", func(c *Config) { c.BaseURLs = append(c.BaseURLs, "https://a.example/x") }, []string{"https://a.example/x", "has a path"}},
		{"a base URL with a query", func(c *Config) { c.BaseURLs = []string{"https://a.example?x"} }, []string{"more than a scheme"}},
		{"a base URL with an empty query", func(c *Config) { c.BaseURLs = []string{"https://a.example?"} }, []string{"more than a scheme"}},
		{"a base URL with a fragment", func(c *Config) { c.BaseURLs = []string{"https://a.example#x"} }, []string{"more than a scheme"}},
		{"a base URL with a user", func(c *Config) { c.BaseURLs = []string{"https://me@a.example"} }, []string{"more than a scheme"}},
		{"a base URL of another scheme", func(c *Config) { c.BaseURLs = []string{"ftp://a.example"} }, []string{"is not a URL like https://"}},
		{"a base URL without a scheme", func(c *Config) { c.BaseURLs = []string{"a.example"} }, []string{"is not a URL like https://"}},
		{"a base URL without a host", func(c *Config) { c.BaseURLs = []string{"https://:8443"} }, []string{"is not a URL like https://"}},
		{"a base URL with port 0", func(c *Config) { c.BaseURLs = []string{"http://127.0.0.1:0"} }, []string{"port"}},
		{"a base URL with too high a port", func(c *Config) { c.BaseURLs = []string{"http://127.0.0.1:65536"} }, []string{"port"}},
		{"a base URL with a zone", func(c *Config) { c.BaseURLs = []string{"http://[fe80::1%25eth0]:8080"} }, []string{"is not a URL like https://"}},
		{"a base URL outside ASCII", func(c *Config) { c.BaseURLs = []string{"https://b%C3%BCcher.example"} }, []string{"is not a URL like https://"}},
		{"an empty base URL", func(c *Config) { c.BaseURLs = []string{""} }, []string{"is not a URL like https://"}},
		{"listening everywhere without a base URL", func(c *Config) { c.BaseURLs, c.Listen = nil, ":8080" }, []string{"base_urls"}},
		{"a region", func(c *Config) { c.Region = "here" }, []string{"region", "us-east-1"}},
		{"a region with a colon", func(c *Config) { c.Region = "us-east-1:x" }, []string{"region"}},
		{"an algorithm", func(c *Config) { c.IDToken.Algorithm = "RS256" }, []string{"id_token.algorithm", "ES384, ES256"}},
		{"a log format", func(c *Config) { c.Log.Format = "xml" }, []string{"log.format", "json", "text"}},
		{"a log level", func(c *Config) { c.Log.Level = "trace" }, []string{"log.level", "debug, info, warn, error"}},
		{"a proxy", func(c *Config) { c.TrustedProxies = []string{"proxy.example"} }, []string{"trusted_proxies", "10.0.0.0/8"}},
		{"a range of proxies", func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/33"} }, []string{"trusted_proxies"}},
		{"a VPC told by nobody", func(c *Config) { c.NetworkKeys.SourceVPC = "X-Source-Vpc" }, []string{"network_keys.source_vpc", "trusted_proxies"}},
		{"one header for two facts", func(c *Config) {
			c.TrustedProxies, c.NetworkKeys = []string{"10.0.0.1"}, NetworkKeys{SourceVPC: "X-Vpc", SourceVPCE: "x-vpc"}
		}, []string{"network_keys.source_vpc and network_keys.source_vpce", "same header"}},
		{"a header with a meaning", func(c *Config) {
			c.TrustedProxies, c.NetworkKeys.VPCSourceIP = []string{"10.0.0.1"}, "x-forwarded-for"
		}, []string{"network_keys.vpc_source_ip", "X-Source-Vpc"}},
		{"a header of everybody's", func(c *Config) {
			c.TrustedProxies, c.NetworkKeys.SourceVPCE = []string{"10.0.0.1"}, "Authorization"
		}, []string{"network_keys.source_vpce"}},
		{"a header that is none", func(c *Config) {
			c.TrustedProxies, c.NetworkKeys.SourceVPC = []string{"10.0.0.1"}, "X-A: b"
		}, []string{"network_keys.source_vpc"}},
		{"a short rotation", func(c *Config) { c.Keys.Rotate = time.Hour - 1 }, []string{"keys.rotate", "1h"}},
		{"a negative rate", func(c *Config) { c.Limits.Client.PerSecond = -1 }, []string{"limits", "negative"}},
		{"a rate that is no number", func(c *Config) { c.Limits.Address.PerSecond = math.NaN() }, []string{"limits", "number"}},
		{"a negative burst", func(c *Config) { c.Limits.Address.Burst = -1 }, []string{"limits", "negative"}},
		{"a negative wait", func(c *Config) { c.Limits.Wait = -time.Second }, []string{"limits.wait"}},
		{"a long wait", func(c *Config) { c.Limits.Wait = 31 * time.Second }, []string{"limits.wait", "30s"}},
		{"no connections", func(c *Config) { c.Limits.Connections = 0 }, []string{"limits.connections"}},
		{"nobody in flight", func(c *Config) { c.Limits.InFlight = 0 }, []string{"limits.in_flight"}},
		{"credentials that end with their step", func(c *Config) { c.Lifetimes.Credentials = 2*c.Lifetimes.Step - time.Second }, []string{"lifetimes.credentials", "twice lifetimes.step"}},
	} {
		c := usable()
		tt.spoil(&c)
		err := c.Check()
		if err == nil {
			t.Errorf("%s: Check = nil, want an error", tt.name)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: Check = %q, want %q in it", tt.name, err, part)
			}
		}
	}
	if c := usable(); c.Check() != nil {
		t.Errorf("Check of what is broken above = %v before it is", c.Check())
	}
}

func TestLifetimesAreWholeSecondsWithinTheirBounds(t *testing.T) {
	field := map[string]func(*Lifetimes) *time.Duration{
		"code": func(l *Lifetimes) *time.Duration { return &l.Code }, "code_cross_device": func(l *Lifetimes) *time.Duration { return &l.CodeCrossDevice },
		"step": func(l *Lifetimes) *time.Duration { return &l.Step }, "credentials": func(l *Lifetimes) *time.Duration { return &l.Credentials },
		"access_token": func(l *Lifetimes) *time.Duration { return &l.AccessToken },
		"session":      func(l *Lifetimes) *time.Duration { return &l.Session }, "id_token": func(l *Lifetimes) *time.Duration { return &l.IDToken },
		"proof": func(l *Lifetimes) *time.Duration { return &l.Proof }, "browser": func(l *Lifetimes) *time.Duration { return &l.Browser },
	}
	for name, of := range field {
		for _, d := range []time.Duration{0, -time.Minute, 1500 * time.Millisecond, 300, 1 << 62} {
			c := usable()
			*of(&c.Lifetimes) = d
			if err := c.Check(); err == nil || !strings.Contains(err.Error(), "lifetimes."+name+" must be whole seconds") {
				t.Errorf("lifetimes.%s of %v: Check = %v, want a message that names it", name, d, err)
			}
		}
	}
	// Several mistakes are told together.
	c := usable()
	c.Lifetimes.Code, c.Lifetimes.Proof, c.Limits.InFlight = 0, 0, 0
	err := c.Check()
	for _, part := range []string{"lifetimes.code ", "lifetimes.proof", "limits.in_flight"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("Check of three mistakes = %v, want %q in it", err, part)
		}
	}
}

// Browsers and clients leave out a port that the scheme implies, and write hosts in lower case. So do the base URLs then,
// or what they send would not be recognised.
func TestBaseURLsAreWrittenAsClientsSendThem(t *testing.T) {
	for from, want := range map[string]string{
		"https://signin.example.com":      "https://signin.example.com",
		"https://signin.example.com/":     "https://signin.example.com",
		"HTTPS://Signin.Example.COM":      "https://signin.example.com",
		"https://signin.example.com:443":  "https://signin.example.com",
		"http://signin.example.com:80/":   "http://signin.example.com",
		"https://signin.example.com:80":   "https://signin.example.com:80",
		"http://127.0.0.1:8080":           "http://127.0.0.1:8080",
		"http://[2001:DB8::1]:8080":       "http://[2001:db8::1]:8080",
		"https://[2001:db8::1]:443":       "https://[2001:db8::1]",
		"https://signin.example.com:":     "https://signin.example.com",
		"https://signin.example.com:0443": "https://signin.example.com",
	} {
		c := usable()
		c.BaseURLs = []string{from}
		if err := c.Check(); err != nil || c.BaseURLs[0] != want {
			t.Errorf("base URL %q = %q, %v, want %q", from, c.BaseURLs[0], err, want)
		}
	}
	for listen, want := range map[string]string{"127.0.0.1:8080": "http://127.0.0.1:8080", "[::1]:80": "http://[::1]"} {
		c := usable()
		c.BaseURLs, c.Listen = nil, listen
		if err := c.Check(); err != nil || c.BaseURLs[0] != want {
			t.Errorf("the base URL of listen %s = %v, %v, want %s", listen, c.BaseURLs, err, want)
		}
	}
	c := usable()
	c.BaseURLs, c.TLS = nil, TLS{Certificate: "c", Key: "k"}
	if err := c.Check(); err != nil || c.BaseURLs[0] != "https://127.0.0.1:8080" {
		t.Errorf("the base URL of a server with TLS = %v, %v", c.BaseURLs, err)
	}
}

func TestProxiesAreAddressesAndRanges(t *testing.T) {
	c := usable()
	c.TrustedProxies = []string{"10.1.2.3/8", "192.0.2.7", "2001:db8::/32", "::1", "::ffff:198.51.100.7"}
	got, err := c.Proxies()
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("::1/128"),
		netip.MustParsePrefix("198.51.100.7/32"), // as the server sees it
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); err != nil || diff != "" {
		t.Errorf("Proxies = %v (-want +got):\n%s", err, diff)
	}
}

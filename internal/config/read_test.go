package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// good is a configuration that lacks nothing.
const good = "data: data\nroot_key: {file: root.key}\n"

// write returns the path of a file with that text.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreCompleteButForDataAndRootKey(t *testing.T) {
	path := write(t, "latchkey.yaml", good)
	got, err := Read(path)
	if err != nil {
		t.Fatalf("Read = %v", err)
	}
	want := Default()
	want.Data, want.RootKey.File = filepath.Join(filepath.Dir(path), "data"), filepath.Join(filepath.Dir(path), "root.key")
	want.BaseURLs = []string{"http://127.0.0.1:8080"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read(only what is needed) (-want +got):\n%s", diff)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	got, err := Read(write(t, "latchkey.yaml", `
listen: 0.0.0.0:8443
base_urls: [https://signin.example.com/, "http://127.0.0.1:8443"]
data: /var/lib/latchkey
root_key: {env: LATCHKEY_ROOT_KEY}
region: eu-central-1
tls: {certificate: tls/cert.pem, key: /etc/latchkey/key.pem}
trusted_proxies: [10.0.0.0/8, "2001:db8::1"]
metrics_listen: 127.0.0.1:9090
log: {format: text, level: warn}
id_token: {algorithm: ES256}
keys: {rotate: 24h}
lifetimes: {code: 60s, code_cross_device: 2m, step: 30s, credentials: 1m30s, access_token: 10m, session: 1h, id_token: 20m, proof: 90s, browser: 8h}
limits: {client: {per_second: 1.5, burst: 2}, address: {per_second: 0, burst: 0}, wait: 500ms, in_flight: 7, connections: 9}
shutdown: {delay: 5s, timeout: 10s}
telemetry: {otlp_endpoint: "https://collector.example:4318", sample: 0.5, interval: 1m}
audit: {keep: 24h}
reuse: {detect: true, revoke: ["111122223333"]}
registration: {enabled: false, redirect_uris: ["myapp://cb/*"], lifetime: 24h, address: {per_second: 2, burst: 3}, most: 4, metadata_documents: true}
`))
	if err != nil {
		t.Fatalf("Read = %v", err)
	}
	dir := filepath.Dir(got.TLS.Certificate)
	want := Config{
		Listen: "0.0.0.0:8443", BaseURLs: []string{"https://signin.example.com", "http://127.0.0.1:8443"}, Data: "/var/lib/latchkey",
		RootKey: RootKey{Env: "LATCHKEY_ROOT_KEY"}, Region: "eu-central-1",
		TLS:            TLS{Certificate: filepath.Join(dir, "cert.pem"), Key: "/etc/latchkey/key.pem"},
		TrustedProxies: []string{"10.0.0.0/8", "2001:db8::1"}, MetricsListen: "127.0.0.1:9090", Log: Log{Format: "text", Level: "warn"},
		IDToken: IDToken{Algorithm: "ES256"}, Keys: Keys{Rotate: 24 * time.Hour},
		Lifetimes: Lifetimes{
			Code: time.Minute, CodeCrossDevice: 2 * time.Minute, Step: 30 * time.Second, Credentials: 90 * time.Second, AccessToken: 10 * time.Minute, Session: time.Hour,
			IDToken: 20 * time.Minute, Proof: 90 * time.Second, Browser: 8 * time.Hour,
		},
		Limits:   Limits{Client: Rate{PerSecond: 1.5, Burst: 2}, Wait: 500 * time.Millisecond, InFlight: 7, Connections: 9},
		Database: Database{Connections: 16}, Shutdown: Shutdown{Delay: 5 * time.Second, Timeout: 10 * time.Second},
		Telemetry: Telemetry{Endpoint: "https://collector.example:4318", Sample: .5, Interval: time.Minute},
		Audit:     Audit{Keep: 24 * time.Hour}, Reuse: Reuse{Detect: true, Revoke: []string{"111122223333"}},
		Registration: Registration{
			RedirectURIs: []string{"myapp://cb/*"}, Lifetime: 24 * time.Hour, Address: Rate{PerSecond: 2, Burst: 3}, Most: 4, MetadataDocuments: true,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	if filepath.Base(dir) != "tls" || !filepath.IsAbs(dir) {
		t.Errorf("a relative path became %q, want it taken from the file's folder", got.TLS.Certificate)
	}
}

func TestDatabaseServerTakesThePlaceOfData(t *testing.T) {
	t.Setenv("PRIMARY", "postgres://latchkey:s3cret@db/latchkey")
	got, err := Read(write(t, "latchkey.yaml", `
root_key: {file: root.key}
database: {url_env: PRIMARY, replica_url: "postgresql://replica/latchkey", connections: 8}
`))
	if err != nil {
		t.Fatalf("Read = %v", err)
	}
	if want := (Database{URLEnv: "PRIMARY", ReplicaURL: "postgresql://replica/latchkey", Connections: 8}); got.Database != want || got.Data != "" {
		t.Errorf("Read: database %+v, data %q; want %+v and none", got.Database, got.Data, want)
	}
	primary, replica, err := got.Database.URLs()
	if primary != "postgres://latchkey:s3cret@db/latchkey" || replica != "postgresql://replica/latchkey" || err != nil {
		t.Errorf("URLs = %q, %q, %v", primary, replica, err)
	}
	for _, wrong := range []string{"", "host=db password=s3cret", "mysql://root:s3cret@db"} {
		t.Setenv("PRIMARY", wrong)
		_, _, err := got.Database.URLs()
		if err == nil || !strings.Contains(err.Error(), "database.url_env") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("URLs of %q = %v, want an error that names the key and shows nothing", wrong, err)
		}
	}
}

// An operator reads the message and knows which line to change.
func TestMistakesInTheFileAreNamedWithTheirLine(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", good + "lissten: 127.0.0.1:1\n", []string{"line 3", `unknown key "lissten"`, "docs/configuration.md"}},
		{"unknown key inside", good + "limits:\n  in_flite: 3\n", []string{"line 4", `unknown key "in_flite"`}},
		{"two unknown keys", "a: 1\nb: 2\n", []string{"line 1", `"a"`, "line 2", `"b"`}},
		{"a key in another case", good + "Region: us-east-1\n", []string{"line 3", `"Region"`}},
		{"a doubled key", good + "region: us-east-1\nregion: us-east-2\n", []string{"line 4", `"region"`, "already defined"}},
		{"a doubled key inside", good + "log:\n  level: info\n  level: warn\n", []string{"line 5", `"level"`}},
		{"a duration without a unit", good + "limits: {wait: 2}\n", []string{"line 3", "a duration like 300s, 15m or 12h"}},
		{"a duration of words", good + "lifetimes:\n  step: five minutes\n", []string{"line 4", "a duration like 300s, 15m or 12h"}},
		{"a list for a text", good + "region: [us-east-1]\n", []string{"line 3"}},
		{"a text for a list", good + "base_urls: http://127.0.0.1\n", []string{"line 3"}},
		{"a text for a number", good + "limits: {in_flight: many}\n", []string{"line 3"}},
		{"a second document", good + "---\nregion: us-east-1\n", []string{"second YAML document"}},
		{"a tab", good + "log:\n\tlevel: info\n", []string{"line 4"}},
		{"no YAML", "{", []string{"line 1"}},
		{"a list of all", "- a\n", []string{"line 1"}},
		{"too long", good + strings.Repeat("#", maxFile), []string{"longer than"}},
	} {
		path := write(t, "latchkey.conf", tt.text) // not .yaml, which is looked for below
		_, err := Read(path)
		if err == nil {
			t.Errorf("%s: Read = nil, want an error", tt.name)
			continue
		}
		for _, part := range append(tt.want, path) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: Read = %q, want %q in it", tt.name, err, part)
			}
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "yaml:") {
			t.Errorf("%s: Read = %q, want one line in plain words", tt.name, err)
		}
	}
}

func TestMissingFileIsSaidWithWhatMakesOne(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "latchkey.yaml"))
	if err == nil || !strings.Contains(err.Error(), "latchkey init") {
		t.Errorf("Read(no file) = %v, want how to make one", err)
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("Read(a directory) = nil, want an error")
	}
}

// Somebody who puts the key itself where the name of its file belongs must not find it in the log.
func TestMessagesDoNotShowAKeyThatIsInTheWrongPlace(t *testing.T) {
	const key = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="
	for _, text := range []string{
		"data: d\nroot_key: " + key + "\n",
		"data: d\nroot_key: [" + key + "]\n",
		"data: d\nroot_key: {file: [" + key + "]}\n",
		"data: d\nlimits: {wait: " + key + "}\n",
	} {
		_, err := Read(write(t, "latchkey.yaml", text))
		if err == nil || strings.Contains(err.Error(), key[:5]) {
			t.Errorf("Read(%q) = %v, want an error without the key", text, err)
		}
	}
}

func FuzzOverlay(f *testing.F) {
	for _, text := range []string{
		"", good, "# only a comment", "lifetimes: {step: 5m}", "base_urls: [http://a]", "a: &a [*a]", "<<: {region: x}", "limits: {client: {per_second: .nan}}",
		"---\n---\n", "region: !!binary aGk=", "keys: {rotate: 720h}\ntls: {key: ''}", "lifetimes: {session: 9999999h}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Default()
		if err := c.Overlay([]byte(text)); err != nil {
			return
		}
		if c.Check() != nil {
			return
		}
		// What passes the check can be used, and passes it again unchanged.
		again := c
		again.BaseURLs = append([]string(nil), c.BaseURLs...)
		if err := again.Check(); err != nil {
			t.Errorf("Check of what Check returned = %v\n%q", err, text)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("Check changed what it had checked:\n%s\n%q", diff, text)
		}
		if _, err := c.Proxies(); err != nil || len(c.BaseURLs) == 0 || c.Lifetimes.Step < time.Second || !(c.Limits.Client.PerSecond >= 0) {
			t.Errorf("an unusable configuration passed: %+v\n%q", c, text)
		}
	})
}

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// maxFile is the largest configuration file in bytes.
const maxFile = 1 << 20

// Default returns the configuration that an empty file stands for.
func Default() Config {
	l := signin.DefaultLifetimes()
	return Config{
		Listen:  "127.0.0.1:8080",
		Region:  "us-east-1",
		Log:     Log{Format: "json", Level: "info"},
		IDToken: IDToken{Algorithm: "ES384"},
		Keys:    Keys{Rotate: 30 * 24 * time.Hour},

		Database:  Database{Connections: 16},
		Telemetry: Telemetry{Sample: .01, Interval: 30 * time.Second},
		Shutdown:  Shutdown{Timeout: 20 * time.Second},
		Audit:     Audit{Keep: 400 * 24 * time.Hour},
		Reuse:     Reuse{Detect: true},
		Lifetimes: Lifetimes{
			Code: l.CodeSameDevice, CodeCrossDevice: l.CodeCrossDevice, Step: l.Step, Credentials: l.Credentials, AccessToken: l.AccessToken,
			Session: l.Session, IDToken: l.IDToken, Proof: l.Proof, Browser: l.Browser,
		},
		Limits: Limits{
			Client:   Rate{PerSecond: 5000, Burst: 10000},
			Address:  Rate{PerSecond: 200, Burst: 1000},
			Wait:     2 * time.Second,
			InFlight: 512, Connections: 10_000,
		},
		Registration: Registration{
			Enabled: true, Lifetime: 90 * 24 * time.Hour, Address: Rate{PerSecond: .02, Burst: 30}, Most: 100_000,
		},
	}
}

// Read returns the configuration in the file at path, checked. Relative paths in it are taken from the file's folder.
// Errors name the file, the line where there is one, and how to mend it.
func Read(path string) (Config, error) {
	c := Default()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return c, fmt.Errorf("there is no configuration file %q: name it with --config FILE or LATCHKEY_CONFIG, or make one with `latchkey init DIR`", path)
	}
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	if err := c.Overlay(text); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	for _, p := range append(c.RootKey.paths(), &c.Data, &c.TLS.Certificate, &c.TLS.Key) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Overlay sets the fields that text, a YAML document, names. Unknown and doubled keys are refused with their line.
func (c *Config) Overlay(text []byte) error {
	if len(text) > maxFile {
		return fmt.Errorf("longer than %d bytes", maxFile)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	err := dec.Decode(c)
	if errors.Is(err, io.EOF) {
		return nil // an empty file
	}
	if err != nil {
		return explain(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("there is a second YAML document; only one is read")
	}
	return nil
}

var (
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
	quotedValue  = regexp.MustCompile("(cannot unmarshal !!\\w+) `[^`]*`")
)

// wanted says in an operator's words what a value should have been.
var wanted = []struct {
	pattern *regexp.Regexp
	words   string
}{
	{regexp.MustCompile(`into time\.Duration`), "into a duration like 300s, 15m or 12h"},
	{regexp.MustCompile(`into \[\]string`), "into a list, like [a, b]"},
	{regexp.MustCompile(`into \[\]config\.RootKey`), "into a list of places, like [{file: old.key}]"},
	{regexp.MustCompile(`into config\.RootKey`), "into root_key, which has keys of its own: root_key: {file: root.key}"},
	{regexp.MustCompile(`into config\.\w+`), "into a key that has keys of its own, like log: {format: text}"},
	{regexp.MustCompile(`into float64`), "into a number"},
	{regexp.MustCompile(`into int\b`), "into a whole number"},
	{regexp.MustCompile(`cannot unmarshal !!str`), "cannot turn text"},
	{regexp.MustCompile(`cannot unmarshal !!\w+`), "cannot turn this value"},
}

// explain puts what the YAML library says in an operator's words. It keeps the line numbers, and leaves out values, one of
// which may be a secret in the wrong place.
func explain(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n")
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		line = unknownField.ReplaceAllString(line, `unknown key "$1" (docs/configuration.md lists the keys)`)
		line = quotedValue.ReplaceAllString(line, "$1")
		for _, w := range wanted {
			line = w.pattern.ReplaceAllString(line, w.words)
		}
		lines = append(lines, line)
	}
	return errors.New(strings.Join(lines, "; "))
}

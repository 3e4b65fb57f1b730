// Package config reads the configuration file of the server: YAML in, a checked Config out. The Config type is the
// manual; docs/configuration.md says the same for operators, and a test holds the two together.
package config

import (
	"time"
)

// Config is what `latchkey serve` and the administration commands read. Every field but Data and RootKey has a default
// that is good for a first installation. Durations are written like 300s, 15m or 12h.
type Config struct {
	// Listen is the address and port to serve on. Default 127.0.0.1:8080. Port 0 takes a free one, for tests.
	Listen string `yaml:"listen"`

	// BaseURLs are the URLs under which clients and browsers reach this server: scheme, host and port, without a path.
	// The first is the issuer of id tokens and goes into every envelope; when it changes, everybody signs in again. A
	// proof or redirect for any other URL is refused. Default: http:// and the listen address.
	BaseURLs []string `yaml:"base_urls"`

	// Data is the directory of the database. It is made when it is missing, for this user only. Needed.
	Data string `yaml:"data"`

	// RootKey says where the root key is. It wraps every key in the database; whoever loses it loses the sessions and the
	// long-lived access keys, and nothing else.
	RootKey RootKey `yaml:"root_key"`

	// Region goes into ARNs, and is what clients are told to use. Default us-east-1. Sessions are not bound to it.
	Region string `yaml:"region"`

	// TLS makes the server speak TLS itself. Without it, it speaks plain HTTP and belongs behind a proxy, or on loopback.
	TLS TLS `yaml:"tls"`

	// TrustedProxies are the addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. Default none: the
	// address of the connection is the address of the caller.
	TrustedProxies []string `yaml:"trusted_proxies"`

	// MetricsListen is the address and port where /metrics answers Prometheus. Default none. Keep it off public networks.
	MetricsListen string `yaml:"metrics_listen"`

	// Log says how to log.
	Log Log `yaml:"log"`

	// IDToken says how id tokens are signed.
	IDToken IDToken `yaml:"id_token"`

	// Keys says how the key ring is kept.
	Keys Keys `yaml:"keys"`

	// Lifetimes are the spans that rule codes and sessions.
	Lifetimes Lifetimes `yaml:"lifetimes"`

	// Limits keep one caller from taking what all need.
	Limits Limits `yaml:"limits"`
}

// RootKey names one place of the root key: 32 bytes in base64, as `latchkey init` writes them.
type RootKey struct {
	// File is a file that only this user can read.
	File string `yaml:"file"`
	// Env is the name of an environment variable. One of File and Env is needed.
	Env string `yaml:"env"`
}

// TLS names the files of a certificate. Both or none.
type TLS struct {
	// Certificate is a PEM file with the certificate and its chain.
	Certificate string `yaml:"certificate"`
	// Key is a PEM file with the private key, which not everybody can read.
	Key string `yaml:"key"`
}

// Log says how to log.
type Log struct {
	// Format is json or text. Default json.
	Format string `yaml:"format"`
	// Level is debug, info, warn or error. Default info, which is one record for each request. With warn, only requests
	// that failed through the server's fault are logged.
	Level string `yaml:"level"`
}

// IDToken says how id tokens are signed.
type IDToken struct {
	// Algorithm is ES384, as AWS signs, or ES256, which costs the server a seventh. Default ES384.
	Algorithm string `yaml:"algorithm"`
}

// Keys says how the key ring is kept.
type Keys struct {
	// Rotate is how long a key is in use before the next takes its place. Default 720h (30 days), at least 1h.
	Rotate time.Duration `yaml:"rotate"`
}

// Lifetimes are the spans that rule codes and sessions, in whole seconds.
type Lifetimes struct {
	// Code is from the approval in the browser to the redemption. Default 5m.
	Code time.Duration `yaml:"code"`
	// CodeCrossDevice is the same where a person carries the code to another device. Default 10m.
	CodeCrossDevice time.Duration `yaml:"code_cross_device"`
	// Step is how often the credentials of a session change. Default 5m.
	Step time.Duration `yaml:"step"`
	// Credentials is from the start of a step to the expiry of its credentials. Default 15m. It must be at least twice
	// Step: clients refresh when 5 minutes are left, so keep it at 10m or more outside of tests.
	Credentials time.Duration `yaml:"credentials"`
	// Session is from the redemption to the end of the session, whatever is refreshed. Default 12h.
	Session time.Duration `yaml:"session"`
	// IDToken is how long an id token is good. Default 15m.
	IDToken time.Duration `yaml:"id_token"`
	// Proof is how far the clock of a client may be off, both ways. Default 5m.
	Proof time.Duration `yaml:"proof"`
	// Browser is how long a browser stays signed in. Default 12h.
	Browser time.Duration `yaml:"browser"`
}

// Limits keep one caller from taking what all need. A rate of 0 is no limit.
type Limits struct {
	// Client is for all token requests of one client id. All people share the two devtools client ids. Default 5000/s.
	Client Rate `yaml:"client"`
	// Address is for the token requests of one address. Default 200/s.
	Address Rate `yaml:"address"`
	// Wait is how long a request that is too fast waits in a queue before it is refused with 429, which clients do not try
	// again. Default 2s.
	Wait time.Duration `yaml:"wait"`
	// InFlight is how many token requests are served at once; further ones wait for a second, then get 503. Default 512.
	InFlight int `yaml:"in_flight"`
	// Connections is how many connections are open at once; further ones wait to be accepted. Each can take some 30 KiB.
	// Default 10000.
	Connections int `yaml:"connections"`
}

// Rate is a token bucket.
type Rate struct {
	// PerSecond is the rate in the long run.
	PerSecond float64 `yaml:"per_second"`
	// Burst is how many may come at once.
	Burst int `yaml:"burst"`
}

// Package config reads the configuration file of the server: YAML in, a checked Config out. The Config type is the
// manual; docs/configuration.md says the same for operators, and a test holds the two together.
package config

import (
	"time"
)

// Config is what `latchkey serve` and the administration commands read. Every field but RootKey, and Data or Database, has
// a default that is good for a first installation. Durations are written like 300s, 15m or 12h.
type Config struct {
	// Listen is the address and port to serve on. Default 127.0.0.1:8080. Port 0 takes a free one, for tests.
	Listen string `yaml:"listen"`

	// BaseURLs are the URLs under which clients and browsers reach this server: scheme, host and port, without a path.
	// The first is the issuer of id tokens and goes into every envelope; when it changes, everybody signs in again. A
	// proof or redirect for any other URL is refused. Default: http:// and the listen address.
	BaseURLs []string `yaml:"base_urls"`

	// Data is the directory of the database file. It is made when it is missing, for this user only. Needed, unless
	// Database names a server.
	Data string `yaml:"data"`

	// Database names a PostgreSQL server, so that many nodes can share it. Default none: one node with a file in Data.
	Database Database `yaml:"database"`

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

	// NetworkKeys name headers of TrustedProxies that tell the VPC that a caller comes from.
	NetworkKeys NetworkKeys `yaml:"network_keys"`

	// MetricsListen is the address and port where /metrics answers Prometheus. Default none. Keep it off public networks.
	MetricsListen string `yaml:"metrics_listen"`

	// Log says how to log.
	Log Log `yaml:"log"`

	// Telemetry says where traces and metrics are sent.
	Telemetry Telemetry `yaml:"telemetry"`

	// Shutdown says how the server stops.
	Shutdown Shutdown `yaml:"shutdown"`

	// IDToken says how id tokens are signed.
	IDToken IDToken `yaml:"id_token"`

	// Keys says how the key ring is kept.
	Keys Keys `yaml:"keys"`

	// Audit says how the audit trail is kept.
	Audit Audit `yaml:"audit"`

	// Reuse says what follows when an old refresh token is brought after a newer one.
	Reuse Reuse `yaml:"reuse"`

	// Lifetimes are the spans that rule codes and sessions.
	Lifetimes Lifetimes `yaml:"lifetimes"`

	// Limits keep one caller from taking what all need.
	Limits Limits `yaml:"limits"`

	// Registration says which clients may come without an administrator.
	Registration Registration `yaml:"registration"`
}

// NetworkKeys name the headers with which a trusted proxy tells the network facts of a caller, for the condition keys of
// policies and resource permission statements. The proxy must set each, or remove it, on every request; a header that comes
// twice, or not in the form of its fact, counts as absent.
type NetworkKeys struct {
	// SourceVPC is the header with the id of the VPC, vpc-…, for aws:SourceVpc. Default none.
	SourceVPC string `yaml:"source_vpc"`
	// SourceVPCE is the header with the id of the VPC endpoint, vpce-…, for aws:SourceVpce. Default none.
	SourceVPCE string `yaml:"source_vpce"`
	// VPCSourceIP is the header with the address of the caller inside of the VPC, for aws:VpcSourceIp. Default none.
	VPCSourceIP string `yaml:"vpc_source_ip"`
}

// RootKey names one place of the root key, and further places while it changes.
type RootKey struct {
	// File is a file that only this user can read, with 32 bytes in base64, as `latchkey init` writes them.
	File string `yaml:"file"`
	// Env is the name of an environment variable with the same text.
	Env string `yaml:"env"`
	// AWSKMS is a key of AWS KMS, or of what speaks like it.
	AWSKMS AWSKMS `yaml:"aws_kms"`
	// Vault is a key of the transit engine of Vault, or of what speaks like it.
	Vault Vault `yaml:"vault"`
	// Also are further places, of the same form, whose keys open what they wrapped and wrap nothing. They are for the time
	// in which the root key changes; see docs/operations.md. Default none.
	Also []RootKey `yaml:"also"`
}

// AWSKMS names a symmetric key of AWS KMS. Credentials are found as every AWS SDK finds them; they must allow kms:Encrypt
// and kms:Decrypt.
type AWSKMS struct {
	// KeyID is the key's ARN, its id, or its alias with alias/ in front.
	KeyID string `yaml:"key_id"`
	// Region is the region of the key. Default: what the AWS SDK finds, in AWS_REGION or the profile.
	Region string `yaml:"region"`
	// Endpoint is the base URL of the service, for one that is not AWS. https, unless it is on loopback. Default: that of AWS.
	Endpoint string `yaml:"endpoint"`
}

// Vault names a key of a transit engine, of a type that authenticates, such as aes256-gcm96, and not derived. The token
// needs the capability update on the paths encrypt and decrypt of the key.
type Vault struct {
	// Address is the base URL of the server or agent. https, unless it is on loopback.
	Address string `yaml:"address"`
	// Mount is where the transit engine is mounted. Default transit.
	Mount string `yaml:"mount"`
	// Key is the name of the key.
	Key string `yaml:"key"`
	// TokenEnv is the name of an environment variable with the token.
	TokenEnv string `yaml:"token_env"`
	// TokenFile is a file with the token, read at each use, so that an agent can renew it. With neither, no token is sent,
	// which is for an agent on loopback that adds its own.
	TokenFile string `yaml:"token_file"`
	// Namespace is the namespace that the engine is in. Default none.
	Namespace string `yaml:"namespace"`
	// CAFile is a PEM file with the certificates to trust. Default: those of the system.
	CAFile string `yaml:"ca_file"`
}

// TLS names the files of a certificate. Both or none.
type TLS struct {
	// Certificate is a PEM file with the certificate and its chain.
	Certificate string `yaml:"certificate"`
	// Key is a PEM file with the private key, which not everybody can read.
	Key string `yaml:"key"`
}

// Database names a PostgreSQL server by its URL, postgres://user:password@host:5432/name. Several hosts may be listed, with
// target_session_attrs=read-write to find the primary among them. A URL with a password belongs into the environment.
type Database struct {
	// URL is the URL of the primary.
	URL string `yaml:"url"`
	// URLEnv is the name of an environment variable with that URL.
	URLEnv string `yaml:"url_env"`
	// ReplicaURL is the URL of a streaming replica, for reads of the directory. It is asked only while it has everything
	// that the node has heard of.
	ReplicaURL string `yaml:"replica_url"`
	// ReplicaURLEnv is the name of an environment variable with that URL.
	ReplicaURLEnv string `yaml:"replica_url_env"`
	// Connections is how many connections a node has to each at most. Default 16.
	Connections int `yaml:"connections"`
}

// Telemetry says where traces and metrics are sent, beside what /metrics shows.
type Telemetry struct {
	// Endpoint is the base URL of an OTLP/HTTP collector, like http://127.0.0.1:4318. Default none. Headers that it wants
	// are in the environment variable OTEL_EXPORTER_OTLP_HEADERS.
	Endpoint string `yaml:"otlp_endpoint"`
	// Sample is the share of requests that are traced, from 0 to 1. Default 0.01. The trace of a caller is taken up only
	// where it comes through TrustedProxies.
	Sample float64 `yaml:"sample"`
	// Interval is how often metrics are sent. Default 30s.
	Interval time.Duration `yaml:"interval"`
}

// Shutdown says how the server stops after SIGTERM.
type Shutdown struct {
	// Delay is how long it goes on serving while /readyz says that it is about to stop, so that load balancers take it out
	// first. Default none.
	Delay time.Duration `yaml:"delay"`
	// Timeout is how long requests under way may take after that. Default 20s.
	Timeout time.Duration `yaml:"timeout"`
}

// Audit says how the audit trail is kept.
type Audit struct {
	// Keep is how long events are kept. Default 9600h (400 days), at least 1h.
	Keep time.Duration `yaml:"keep"`
}

// Reuse says what follows when a refresh token is brought that is older than one that was brought before, by more than two
// steps and those that go by while a request is sent again. Two programs may share a session, or one may be a thief's.
type Reuse struct {
	// Detect makes the nodes report which tokens are brought, in batches, so that it is noticed at all. Default true. A
	// report is one row for each session in use.
	Detect bool `yaml:"detect"`
	// Revoke lists the accounts whose sessions are then revoked. Default none: it is noted in the audit trail, and the
	// person sees it.
	Revoke []string `yaml:"revoke"`
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
	// AccessToken is how long an access token is good that is for one resource, and not credentials. Default 1h, at most 1h.
	AccessToken time.Duration `yaml:"access_token"`
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

// Registration says which clients may come without an administrator, as MCP clients do. Such a client can do nothing until
// a person approves it, for a resource that an administrator registered, in a role whose policy allows it.
type Registration struct {
	// Enabled lets clients register themselves (CreateOAuth2PublicClient). Default true. While it is off, those that did are
	// unknown too.
	Enabled bool `yaml:"enabled"`
	// RedirectURIs are where they may be sent, beside http on loopback, which is always allowed: URIs, or the beginning of
	// URIs with * at the end. Default: AWS's list, signin.DefaultRedirects. What is taken out is closed at once, also to
	// those that registered it.
	RedirectURIs []string `yaml:"redirect_uris"`
	// Lifetime is how long a registration lasts. Default 2160h (90 days), as at AWS; 1h to 8760h. The sessions of a client
	// end with its registration.
	Lifetime time.Duration `yaml:"lifetime"`
	// Address is for the registrations of one address. Default 0.02/s, 30 at once. All of one network together, which is the
	// /48 of an IPv6 address and the /24 of an IPv4 address, may do ten times as much.
	Address Rate `yaml:"address"`
	// Most is how many registrations there may be at a time. Default 100000; each can take some 20 KiB.
	Most int `yaml:"most"`
	// MetadataDocuments takes the URL of a client id metadata document for a client id, and fetches it. Default false: then
	// the server connects to nothing that strangers name. Addresses that are not public are never asked.
	MetadataDocuments bool `yaml:"metadata_documents"`
}

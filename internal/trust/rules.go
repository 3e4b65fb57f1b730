package trust

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Algorithms are those that a token can be signed with: all of RFC 7518 section 3.1 and RFC 8037 that have a public key.
var Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// DefaultAlgorithms are what rules that name none allow: what identity providers sign with.
var DefaultAlgorithms = []string{"RS256", "ES256"}

const (
	// MaxRules is the longest document of rules in bytes.
	MaxRules = 16 << 10
	// MaxIssuer is the longest URL of an issuer, and the longest audience, in characters.
	MaxIssuer = 512

	maxMappings   = 64
	maxRequired   = 32
	maxClaimValue = 256 // characters
)

// Rules say which tokens of an issuer an account takes, and what they give. They are kept as JSON.
type Rules struct {
	// Algorithms are those that tokens may be signed with; empty: DefaultAlgorithms.
	Algorithms []string `json:"algorithms,omitempty"`
	// JWKSURI is where the issuer's keys are; empty: where its discovery document says.
	JWKSURI string `json:"jwks_uri,omitempty"`
	// AllowPrivate: the issuer may be on a private network or this machine, at any port, and on this machine without TLS.
	AllowPrivate bool `json:"allow_private,omitzero"`
	// Require are claims that a token must have, each with just this value.
	Require map[string]string `json:"require,omitempty"`
	// Roles are tried in order; the first that applies gives the role.
	Roles []Mapping `json:"roles"`
	// SessionName is the claim that names the session; empty: sub.
	SessionName string `json:"session_name,omitempty"`
}

// Mapping gives a role to tokens that have a claim.
type Mapping struct {
	// Claim is the name of the claim, or a JSON pointer (RFC 6901) to one that lies deeper; empty: the role is everybody's.
	Claim string `json:"claim,omitempty"`
	// Value is what the claim, or one entry of its list, must be. A * at the end stands for anything.
	Value string `json:"value,omitempty"`
	Role  string `json:"role"`
}

// ParseRules reads what Text wrote, or an administrator. Its errors say what is wrong.
func ParseRules(document string) (Rules, error) {
	if len(document) > MaxRules {
		return Rules{}, fmt.Errorf("the rules are longer than %d bytes", MaxRules)
	}
	var r Rules
	if err := json.Unmarshal([]byte(document), &r, json.RejectUnknownMembers(true)); err != nil {
		return Rules{}, fmt.Errorf("the rules cannot be read: %w", err)
	}
	return r, r.Check()
}

// Text returns the rules as JSON, the same each time.
func (r Rules) Text() (string, error) {
	b, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("encode rules: %w", err)
	}
	if len(b) > MaxRules {
		return "", fmt.Errorf("the rules are longer than %d bytes", MaxRules)
	}
	return string(b), nil
}

// Check returns nil when the rules can be followed.
func (r Rules) Check() error {
	for _, a := range r.Algorithms {
		if !slices.Contains(Algorithms, a) {
			return fmt.Errorf("the algorithm must be one of %s", strings.Join(Algorithms, ", "))
		}
	}
	if len(r.Algorithms) > len(Algorithms) {
		return errors.New("an algorithm is there twice")
	}
	if r.JWKSURI != "" {
		if err := checkURL(r.JWKSURI, r.AllowPrivate); err != nil {
			return fmt.Errorf("jwks_uri: %w", err)
		}
	}
	if len(r.Require) > maxRequired || len(r.Roles) > maxMappings {
		return fmt.Errorf("at most %d claims can be required, and %d roles given", maxRequired, maxMappings)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Require)) {
		if err := checkClaim(name, r.Require[name]); err != nil {
			return err
		}
	}
	if len(r.Roles) == 0 {
		return errors.New("the rules give nobody a role")
	}
	for i, m := range r.Roles {
		if !signin.ValidRoleName(m.Role) {
			return fmt.Errorf("role %d of the rules has a name that no role has", i+1)
		}
		if m.Claim == "" && m.Value != "" {
			return fmt.Errorf("role %d of the rules has a value and no claim", i+1)
		}
		if m.Claim == "" {
			continue
		}
		if err := checkClaim(m.Claim, m.Value); err != nil {
			return err
		}
	}
	return nil
}

func checkClaim(name, value string) error {
	if name == "" || value == "" || len(name) > maxClaimValue || len(value) > maxClaimValue {
		return fmt.Errorf("a claim and its value must have 1 to %d characters", maxClaimValue)
	}
	return nil
}

// CheckIssuer returns nil when issuer is a URL that an issuer can have (OpenID Connect Discovery section 3, RFC 8414
// section 2): https, without query and fragment; and http on this machine where private is allowed.
func CheckIssuer(issuer string, private bool) error {
	if err := checkURL(issuer, private); err != nil {
		return err
	}
	if strings.ContainsAny(issuer, "?#") {
		return errors.New("the URL of an issuer has no query and no fragment")
	}
	return nil
}

func checkURL(text string, private bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > MaxIssuer || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("it must be an https URL of at most %d characters, without a user", MaxIssuer)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && private && loopback(u.Hostname()):
		return nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		return errors.New("it must be an https URL; http on this machine is for rules that allow private addresses")
	}
	return errors.New("it must be an https URL")
}

func loopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }

// algorithms returns the allowed ones in the form of go-jose.
func (r Rules) algorithms() []jose.SignatureAlgorithm {
	names := r.Algorithms
	if len(names) == 0 {
		names = DefaultAlgorithms
	}
	all := make([]jose.SignatureAlgorithm, len(names))
	for i, name := range names {
		all[i] = jose.SignatureAlgorithm(name)
	}
	return all
}

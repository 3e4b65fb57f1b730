package signin

import (
	"crypto/sha256"
	"net/url"
	"strings"
)

// MaxResource is the longest identifier that a resource can be registered under, in characters. Requests may name longer
// ones (RFC 8707, the operations of AWS Sign-In: 2048), which are then unknown. It keeps a refresh token, which carries the
// identifier, within its 2048 characters.
const MaxResource = 800

// Resource is a service that tokens are made for (RFC 8707). It belongs to an account.
type Resource struct {
	Account string // 12 digits
	// Identifier is what clients name in resource, and what the aud claim of a token is, byte for byte.
	Identifier string
	// Service is the name that policies know it by, the last part of its ARN.
	Service string
}

// ARN returns what policies name, arn:aws:signin:<region>:<account>:service-principal/<service> (Service Authorization
// Reference, AWS Sign-In).
func (r Resource) ARN(region string) string {
	return "arn:aws:signin:" + region + ":" + r.Account + ":service-principal/" + r.Service
}

// CheckResource returns nil when identifier can be registered: an absolute URI without fragment (RFC 8707 section 2), or the
// host name of a service, such as ecr.amazonaws.com; printable ASCII without spaces, at most MaxResource characters.
func CheckResource(identifier string) error {
	if identifier == "" || len(identifier) > MaxResource {
		return Refuse(ParameterInvalid, "resource must have 1 to %d characters", MaxResource)
	}
	for i := 0; i < len(identifier); i++ {
		if c := identifier[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return Refuse(ParameterInvalid, "resource may hold printable ASCII characters only, without spaces, quotes and backslashes")
		}
	}
	if strings.Contains(identifier, "#") {
		return Refuse(ParameterInvalid, "resource must not have a fragment")
	}
	u, err := url.Parse(identifier)
	if err != nil || u.Scheme == "" && !ValidServiceName(identifier) {
		return Refuse(ParameterInvalid, "resource must be an absolute URI like https://mcp.example.com/mcp, or the host name of a service")
	}
	return nil
}

// ServiceOf returns the name that policies know a resource by unless another is given: the host of a URL, else the
// identifier.
func ServiceOf(identifier string) string {
	if u, err := url.Parse(identifier); err == nil && u.Host != "" {
		return strings.ToLower(u.Hostname())
	}
	return identifier
}

// ValidServiceName tells whether name can be the last part of a resource's ARN: 1–128 letters, digits and ._-
func ValidServiceName(name string) bool {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return name != "" && len(name) <= 128
}

// ResourceHash is the beginning of the SHA-256 of a resource's identifier; the zero value: of none. A code carries it,
// because the identifier itself would be too long.
type ResourceHash [16]byte

// HashResource returns the hash of identifier, the zero value of an empty one.
func HashResource(identifier string) ResourceHash {
	if identifier == "" {
		return ResourceHash{}
	}
	sum := sha256.Sum256([]byte(identifier))
	return ResourceHash(sum[:16])
}

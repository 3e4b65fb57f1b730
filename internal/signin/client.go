package signin

import (
	"crypto/sha256"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The two devtools clients, which need no registration (CreateOAuth2Token, clientId).
const (
	SameDevice  = "arn:aws:signin:::devtools/same-device"
	CrossDevice = "arn:aws:signin:::devtools/cross-device"
)

// ConfidentialPrefix begins the client id of every confidential client; the rest is its name.
const ConfidentialPrefix = "arn:aws:signin:::confidential-client/"

// MaxClientID is the longest id of a client that is not dynamic, in characters. A code holds the id, and must stay within 512
// characters.
const MaxClientID = 64

// ClientClass says how a client proves itself.
type ClientClass int

// The classes of clients.
const (
	Devtools     ClientClass = iota // public, bound to a key by DPoP
	Confidential                    // signs its token requests with SigV4
	Dynamic                         // public, registered itself (RFC 7591) or describes itself at its client id; DPoP where it likes
)

// Client is a registered client, or one of the two devtools clients.
type Client struct {
	ID    string
	Class ClientClass
	// Name is what people read on the consent page.
	Name string
	// RedirectURIs are the registered ones of a confidential or dynamic client; see AllowRedirect.
	RedirectURIs []string
	// Principal is the unique id of the service user whose signature a confidential client's requests must carry.
	Principal string
	// GrantTypes are those that a dynamic client registered, in its order.
	GrantTypes []string
	// Expires is when the registration of a dynamic client ends; zero: never, for it is not stored.
	Expires time.Time
}

// The grant types of CreateOAuth2Token (RFC 6749 sections 4.1.3 and 6).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"
)

// MayRefresh tells whether the client may use refresh tokens.
func (c Client) MayRefresh() bool {
	return c.Class != Dynamic || slices.Contains(c.GrantTypes, GrantRefreshToken)
}

// DevtoolsClient returns the built-in client with that id.
func DevtoolsClient(id string) (Client, bool) {
	switch id {
	case SameDevice:
		return Client{ID: id, Class: Devtools, Name: "AWS CLI or SDK on this computer"}, true
	case CrossDevice:
		return Client{ID: id, Class: Devtools, Name: "AWS CLI or SDK on another device"}, true
	}
	return Client{}, false
}

// Resource returns the ARN that policies name for this client in account and region (Service Authorization Reference,
// AWS Sign-In): devtools/same-device is public-client/localhost, devtools/cross-device is public-client/remote.
func (c Client) Resource(region, account string) string {
	prefix := "arn:aws:signin:" + region + ":" + account + ":"
	switch c.ID {
	case SameDevice:
		return prefix + "oauth2/public-client/localhost"
	case CrossDevice:
		return prefix + "oauth2/public-client/remote"
	}
	if name, ok := strings.CutPrefix(c.ID, ConfidentialPrefix); ok {
		return prefix + "oauth2/confidential-client/" + name
	}
	// The ARN of a registered client is its id. One that describes itself has a URL, which policies can name in
	// signin:OAuthClientId; as a resource it is one of the DCR clients.
	if IsRegisteredID(c.ID) {
		return c.ID
	}
	return "arn:aws:signin:" + region + dynamicInfix + c.ID
}

// dynamicInfix stands between the region and the UUID in the id of a client that registered itself.
const dynamicInfix = "::external-client/dcr/"

// DynamicClientID returns the id of the client that registered itself as id (CreateOAuth2PublicClient, client_id).
func DynamicClientID(region string, id SessionID) string {
	return "arn:aws:signin:" + region + dynamicInfix + id.String()
}

// ParseDynamicClientID returns the UUID in the id of a client that registered itself, in whatever region.
func ParseDynamicClientID(clientID string) (SessionID, bool) {
	rest, ok := strings.CutPrefix(clientID, "arn:aws:signin:")
	if !ok || len(clientID) > MaxDynamicClientID {
		return SessionID{}, false
	}
	region, text, ok := strings.Cut(rest, dynamicInfix)
	if !ok || !regionPattern.MatchString(region) {
		return SessionID{}, false
	}
	id, err := ParseSessionID(text)
	return id, err == nil && id.String() == text // one spelling only
}

// IsRegisteredID tells whether id has the form of the id of a client that registered itself.
func IsRegisteredID(id string) bool {
	_, ok := ParseDynamicClientID(id)
	return ok
}

// IsMetadataID tells whether id is the URL of a client id metadata document. Whether it may be fetched is for its fetcher.
func IsMetadataID(id string) bool {
	return strings.HasPrefix(id, "https://") && len(id) <= MaxDynamicClientID
}

// IsDynamicID tells whether id is one that a client of the class Dynamic can have. Such clients are told errors in the plain
// shape of OAuth, also where there is no client of that id.
func IsDynamicID(id string) bool { return IsRegisteredID(id) || IsMetadataID(id) }

// MaxDynamicClientID is the longest id of a dynamic client in characters. A refresh token holds it.
const MaxDynamicClientID = 256

var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)

// ClientHash is the beginning of the SHA-256 of a client id. The codes of dynamic clients carry it, because the id itself
// would make them too long.
type ClientHash [16]byte

// HashClient returns the hash of a client id.
func HashClient(id string) ClientHash {
	sum := sha256.Sum256([]byte(id))
	return ClientHash(sum[:16])
}

var (
	clientNamePattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,25}$`)
	accountPattern     = regexp.MustCompile(`^[0-9]{12}$`)
	rolePattern        = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)
	sessionNamePattern = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)
)

// ValidClientName tells whether name can name a confidential client: 1–26 of a–z, 0–9 and '-', not first.
func ValidClientName(name string) bool { return clientNamePattern.MatchString(name) }

// ValidAccount tells whether id is an account id: twelve digits.
func ValidAccount(id string) bool { return accountPattern.MatchString(id) }

// ValidRoleName tells whether name can name a role (IAM: 1–64 of letters, digits and _+=,.@-).
func ValidRoleName(name string) bool { return rolePattern.MatchString(name) }

// ValidPersonName tells whether name can name a person or service user. It becomes the role session name, so it has
// that rule (STS AssumeRole, RoleSessionName): 2–64 of letters, digits and _+=,.@-.
func ValidPersonName(name string) bool { return sessionNamePattern.MatchString(name) }

// ValidClientID tells whether id is of a form that a client of this service can have.
func ValidClientID(id string) bool {
	if id == SameDevice || id == CrossDevice || IsDynamicID(id) {
		return true
	}
	n := len(ConfidentialPrefix)
	return len(id) > n && len(id) <= MaxClientID && id[:n] == ConfidentialPrefix && ValidClientName(id[n:])
}

// hasRedirect tells whether uri was registered, byte for byte.
func (c Client) hasRedirect(uri string) bool { return slices.Contains(c.RedirectURIs, uri) }

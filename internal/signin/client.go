package signin

import (
	"regexp"
	"slices"
)

// The two devtools clients, which need no registration (CreateOAuth2Token, clientId).
const (
	SameDevice  = "arn:aws:signin:::devtools/same-device"
	CrossDevice = "arn:aws:signin:::devtools/cross-device"
)

// ConfidentialPrefix begins the client id of every confidential client; the rest is its name.
const ConfidentialPrefix = "arn:aws:signin:::confidential-client/"

// MaxClientID is the longest client id in characters. A code holds the id, and must stay within 512 characters.
const MaxClientID = 64

// ClientClass says how a client proves itself.
type ClientClass int

// The classes of clients.
const (
	Devtools     ClientClass = iota // public, bound to a key by DPoP
	Confidential                    // signs its token requests with SigV4
)

// Client is a registered client, or one of the two devtools clients.
type Client struct {
	ID    string
	Class ClientClass
	// Name is what people read on the consent page.
	Name string
	// RedirectURIs are the registered ones of a confidential client; see AllowRedirect.
	RedirectURIs []string
	// Principal is the unique id of the service user whose signature a confidential client's requests must carry.
	Principal string
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
	return prefix + "oauth2/confidential-client/" + c.ID[len(ConfidentialPrefix):]
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
	if id == SameDevice || id == CrossDevice {
		return true
	}
	n := len(ConfidentialPrefix)
	return len(id) > n && len(id) <= MaxClientID && id[:n] == ConfidentialPrefix && ValidClientName(id[n:])
}

// hasRedirect tells whether uri was registered, byte for byte.
func (c Client) hasRedirect(uri string) bool { return slices.Contains(c.RedirectURIs, uri) }

package clients

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/signin"
)

const (
	// maxDocument is the longest document that is read, in bytes. (The draft recommends 5 KB.)
	maxDocument = 16 << 10
	// maxDocumentURIs is how many redirect URIs of a document are looked at, as many as a registration may have.
	maxDocumentURIs = 10
)

// documentHost is a host name in lower case with a dot in it.
var documentHost = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// documentPath is a path that no parser reads in two ways: no empty segment, no encoding.
var documentPath = regexp.MustCompile(`^(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+/?$`)

// checkDocumentID returns nil when id can be the URL of a client id metadata document (draft-ietf-oauth-client-id-metadata-document
// section 3): https, a path, no dot segments, no user name, no fragment. It is stricter in what the draft leaves open, so that
// a client has one id: no port, no query, no percent-encoding, no address for a host.
func checkDocumentID(id string) error {
	u, err := url.Parse(id)
	if err != nil || !signin.IsMetadataID(id) || !documentHost.MatchString(u.Host) || !documentPath.MatchString(u.Path) || id != "https://"+u.Host+u.Path {
		return errDocumentID
	}
	if _, err := netip.ParseAddr(u.Host); err == nil {
		return errDocumentID
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return errDocumentID
		}
	}
	return nil
}

var errDocumentID = signin.Refuse(signin.ClientUnknown, "a client_id that is a URL must be https, with a host name in lower case and a path, without a port, a query, a fragment, dot segments or percent-encoding")

// document has the members of a client id metadata document that are looked at; those of RFC 7591 section 2.
type document struct {
	ClientID      string   `json:"client_id"`
	Name          string   `json:"client_name"`
	RedirectURIs  []string `json:"redirect_uris"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
	Secret        any      `json:"client_secret"`
	SecretExpires any      `json:"client_secret_expires_at"`
}

// notDocument is why what was fetched is no document of a client. It is told to the caller, so it repeats nothing of it.
type notDocument string

func (e notDocument) Error() string { return "the document is refused: " + string(e) }

// parseDocument reads the document that was fetched from id. The error is a notDocument.
func parseDocument(id string, body []byte) (Metadata, error) {
	var d document
	// Members are there once and spelled to the letter; those that are not known are passed over.
	if err := json.Unmarshal(body, &d); err != nil {
		return Metadata{}, notDocument("it is not a JSON object with the members of RFC 7591, each there once")
	}
	switch {
	case d.ClientID != id: // section 4.1: compared as strings
		return Metadata{}, notDocument("its client_id is not the URL that it was fetched from")
	case d.Secret != nil || d.SecretExpires != nil:
		return Metadata{}, notDocument("it has a client_secret, which everybody can read")
	case d.AuthMethod != "" && d.AuthMethod != "none":
		return Metadata{}, notDocument("its token_endpoint_auth_method is not none")
	case len(d.RedirectURIs) == 0 || len(d.RedirectURIs) > maxDocumentURIs:
		return Metadata{}, notDocument("its redirect_uris are not 1 to " + strconv.Itoa(maxDocumentURIs))
	}
	for _, t := range d.ResponseTypes {
		if t != "code" {
			return Metadata{}, notDocument("its response_types are not code alone")
		}
	}
	types, err := GrantTypes(d.GrantTypes)
	if err != nil {
		return Metadata{}, notDocument("its grant_types are not authorization_code with or without refresh_token")
	}
	return Metadata{ClientID: id, Name: CleanName(d.Name), RedirectURIs: d.RedirectURIs, GrantTypes: types}, nil
}

// get fetches and reads the document at id. lasts is how long it may be kept.
func get(ctx context.Context, fetch Get, id string) (m Metadata, lasts time.Duration, err error) {
	body, header, err := fetch(ctx, id, maxDocument)
	if err != nil {
		return Metadata{}, 0, err
	}
	m, err = parseDocument(id, body)
	return m, lifetime(header), err
}

// lifetime returns how long a document may be kept, by Cache-Control (RFC 9111 section 5.2.2) within our bounds.
func lifetime(h http.Header) time.Duration {
	lasts := usually
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return shortest
		case "max-age":
			if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
				lasts = time.Duration(seconds) * time.Second
			}
		}
	}
	return min(max(lasts, shortest), longest)
}

package trust

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxDiscovery is the longest discovery document in bytes.
const maxDiscovery = 64 << 10

// Fetcher gets documents; package fetch has it.
type Fetcher interface {
	// Get returns the document at url, at most limit bytes.
	Get(ctx context.Context, url string, limit int64) ([]byte, http.Header, error)
}

// load gets the keys of an issuer.
func (s source) load(ctx context.Context, f Fetcher) ([]key, error) {
	where := s.jwksURI
	if where == "" {
		var err error
		if where, err = s.discover(ctx, f); err != nil {
			return nil, err
		}
	}
	document, _, err := f.Get(ctx, where, maxJWKS)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	return parseJWKS(document)
}

// discover returns where the keys of an issuer are: what its OpenID configuration says, or, where it has none, its
// authorization server metadata (OpenID Connect Discovery section 4, RFC 8414 section 3).
func (s source) discover(ctx context.Context, f Fetcher) (string, error) {
	openID, oauth, err := discoveryURLs(s.issuer)
	if err != nil {
		return "", err
	}
	document, _, problem := f.Get(ctx, openID, maxDiscovery)
	if problem != nil {
		if document, _, err = f.Get(ctx, oauth, maxDiscovery); err != nil {
			return "", fmt.Errorf("discovery: %w; and %w", problem, err)
		}
	}
	where, err := parseDiscovery(document, s.issuer)
	if err != nil {
		return "", err
	}
	return where, checkURL(where, s.private)
}

// discoveryURLs returns where the two documents of an issuer are. Its path comes after the one's well-known path, and before
// the other's.
func discoveryURLs(issuer string) (openID, oauth string, err error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", "", errors.New("the issuer is not a URL")
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	origin := u.Scheme + "://" + u.Host
	return origin + path + "/.well-known/openid-configuration", origin + "/.well-known/oauth-authorization-server" + path, nil
}

// parseDiscovery returns jwks_uri of a discovery document, which must be that of the issuer, to the letter: else whoever can
// place a document somewhere on the issuer's host would choose its keys.
func parseDiscovery(document []byte, issuer string) (string, error) {
	var d struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(document, &d); err != nil {
		return "", errors.New("the discovery document is not JSON, or has a member twice")
	}
	if d.Issuer != issuer {
		return "", errors.New("the discovery document is of another issuer")
	}
	return d.JWKSURI, nil
}

package clients

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Metadata is what a client said about itself when it registered (RFC 7591 section 2), as far as it is kept.
type Metadata struct {
	// ClientID is all of the id, with its region: policies name it, so no other spelling may lead to the same client.
	ClientID     string   `json:"client_id"`
	Name         string   `json:"client_name,omitzero"`
	RedirectURIs []string `json:"redirect_uris"`
	GrantTypes   []string `json:"grant_types"`
}

// Registration returns the row of a client that registers as m at created, until expires. The id is in m.
func (m Metadata) Registration(created, expires time.Time) (store.DynamicClient, error) {
	id, ok := signin.ParseDynamicClientID(m.ClientID)
	if !ok {
		return store.DynamicClient{}, fmt.Errorf("%q is not the id of a client that registers itself", m.ClientID)
	}
	m.Name = CleanName(m.Name)
	text, err := json.Marshal(m)
	if err != nil {
		return store.DynamicClient{}, fmt.Errorf("write metadata: %w", err)
	}
	return store.DynamicClient{ID: id, Metadata: string(text), Created: created, Expires: expires}, nil
}

// Registered returns what a row says.
func Registered(row store.DynamicClient) (Metadata, error) {
	var m Metadata
	if err := json.Unmarshal([]byte(row.Metadata), &m); err != nil {
		return Metadata{}, fmt.Errorf("read metadata of client %s: %w", row.ID, err)
	}
	return m, nil
}

// client returns the client that m describes, with those of its redirect URIs that the list still has.
func (m Metadata) client(list signin.RedirectList, expires time.Time) signin.Client {
	return signin.Client{
		ID: m.ClientID, Class: signin.Dynamic, Name: CleanName(m.Name), GrantTypes: m.GrantTypes, Expires: expires,
		RedirectURIs: slices.DeleteFunc(slices.Clone(m.RedirectURIs), func(uri string) bool { return list.Check(uri) != nil }),
	}
}

// GrantTypes returns the grant types that a client may have which asked for those; where it asked for none, all there are. A
// MetadataInvalid fault: it cannot be served with them.
func GrantTypes(asked []string) ([]string, error) {
	if len(asked) == 0 {
		return []string{signin.GrantAuthorizationCode, signin.GrantRefreshToken}, nil
	}
	var types []string
	for _, t := range asked {
		if t != signin.GrantAuthorizationCode && t != signin.GrantRefreshToken {
			return nil, signin.Refuse(signin.MetadataInvalid, "grant_types may hold %s and %s only", signin.GrantAuthorizationCode, signin.GrantRefreshToken)
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if !slices.Contains(types, signin.GrantAuthorizationCode) {
		return nil, signin.Refuse(signin.MetadataInvalid, "grant_types must hold %s: without it no refresh token is ever given", signin.GrantAuthorizationCode)
	}
	return types, nil
}

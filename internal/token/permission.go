package token

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// permitted returns nil while the policies of the principal allow a dynamic client the tokens for the resource, else a
// PermissionMissing fault. Dynamic clients are asked about at every request, because each writes to the database anyway, and
// because conditions such as aws:SourceIp are about the request: a token that was stolen comes from elsewhere.
//
// Of other clients it was decided when the person approved; what they hold is good until a notice says otherwise.
func (e *Endpoint) permitted(ctx context.Context, c *wire.Call, r *request, principal signin.Principal, resource string) error {
	if r.client.Class != signin.Dynamic {
		return nil
	}
	service, err := e.registered(ctx, principal.Account, resource)
	if err != nil {
		return err
	}
	return e.Judge.Principal(ctx, principal, permit.Ask{
		Action: "signin:CreateOAuth2Token", Resource: service.ARN(e.Region), Undenied: r.client.Resource(e.Region, principal.Account),
		Keys: r.keys(), Network: c.Network, Now: c.Now,
	})
}

// keys are the condition keys of the request (Service Authorization Reference, AWS Sign-In). A refresh names no redirect URI,
// so there it has no value.
func (r *request) keys() []policy.Key {
	keys := []policy.Key{
		{Name: "signin:OAuthClientId", Values: []string{r.client.ID}},
		{Name: "signin:OAuthGrantType", Values: []string{r.GrantType}},
	}
	if r.GrantType == grantCode && r.RedirectURI != "" {
		keys = append(keys, policy.Key{Name: "signin:OAuthRedirectUri", Values: []string{r.RedirectURI}})
	}
	if r.client.Class != signin.Confidential { // which signs, for which there is no word
		keys = append(keys, policy.Key{Name: "signin:OAuthClientAuthentication", Values: []string{"none"}})
	}
	return keys
}

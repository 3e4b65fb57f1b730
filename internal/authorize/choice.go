package authorize

import (
	"fmt"
	"slices"

	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// choice is a role that a person may let a client act as.
type choice struct{ store.Assignment }

// value is what the form says for the choice: <account>/<role>. A role name holds no slash.
func (c choice) value() string { return c.Role.Account + "/" + c.Role.Name }

// roleARN is the ARN of the role.
func (c choice) roleARN() string { return c.principal(seal.Browser{}).RoleARN() }

// principal is who as the role.
func (c choice) principal(who seal.Browser) signin.Principal {
	return signin.Principal{
		Account: c.Role.Account, Role: c.Role.Name, RoleID: c.Role.ID, Person: who.Person, PersonID: who.PersonID,
	}
}

// choices returns the roles of the person whose policies let the client in, by account, then name: those that allow both the
// authorization and the token that it is for. What the token endpoint then finds in the code holds until a notice says
// otherwise. A policy that cannot be read lets nobody in.
//
// asOf is what the board knew before, where a code is given out; 0 for a page, which only shows them.
//
// What the policies of a dynamic client's session must allow is the resource, so only accounts come into question that
// have it. None may deny the client.
func (p *Pages) choices(c *wire.Call, personID, person string, a asked, asOf int64) ([]choice, error) {
	assignments, err := p.Directory.AssignmentsOf(c.Context(), personID)
	if err != nil {
		return nil, fmt.Errorf("find roles of person: %w", err)
	}
	resourceIn := func(account string) string { return a.client.Resource(p.Region, account) }
	if a.dynamic() {
		named, err := p.Resources.ResourcesCalled(c.Context(), a.request.Resource)
		if err != nil {
			return nil, fmt.Errorf("find accounts of resource: %w", err)
		}
		arns := map[string]string{}
		for _, r := range named {
			arns[r.Account] = r.ARN(p.Region)
		}
		resourceIn = func(account string) string { return arns[account] }
	}
	var open []choice
	for _, assignment := range assignments {
		ask := permit.Ask{Resource: resourceIn(assignment.Role.Account), Keys: a.keys(), Network: c.Network, Now: c.Now, AsOf: asOf}
		if ask.Resource == "" {
			continue
		}
		if a.dynamic() {
			ask.Undenied = a.client.Resource(p.Region, assignment.Role.Account)
		}
		principal := signin.Principal{
			Account: assignment.Role.Account, Role: assignment.Role.Name, RoleID: assignment.Role.ID, Person: person, PersonID: personID,
		}
		allowed, err := p.allows(c, principal, ask, a.dynamic())
		if err != nil {
			return nil, err
		}
		if allowed {
			open = append(open, choice{assignment})
		}
	}
	return open, nil
}

// allows tells whether the policies of the principal allow both the authorization and the token. The token endpoint asks again
// only about dynamic clients, at every request, wherever that comes from. Of other clients the refreshes must be allowed as
// well, and from here, because what is given out now holds.
func (p *Pages) allows(c *wire.Call, principal signin.Principal, ask permit.Ask, dynamic bool) (bool, error) {
	authorization := ask
	authorization.Action = "signin:" + authorizeOperation
	asks, grants := []permit.Ask{authorization}, []string{signin.GrantAuthorizationCode, signin.GrantRefreshToken}
	if dynamic {
		grants = grants[:1]
	}
	for _, grant := range grants {
		token := ask
		token.Action, token.Ahead = "signin:CreateOAuth2Token", dynamic
		token.Keys = append(slices.Clip(ask.Keys), policy.Key{Name: "signin:OAuthGrantType", Values: []string{grant}})
		asks = append(asks, token)
	}
	for _, ask := range asks {
		err := p.Judge.Principal(c.Context(), principal, ask)
		if signin.KindOf(err) == signin.PermissionMissing {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// keys are the condition keys of the request (Service Authorization Reference, AWS Sign-In).
func (a *asked) keys() []policy.Key {
	keys := []policy.Key{
		{Name: "signin:OAuthClientId", Values: []string{a.client.ID}},
		{Name: "signin:OAuthRedirectUri", Values: []string{a.request.RedirectURI}},
	}
	if a.client.Class != signin.Confidential { // which signs, for which there is no word
		keys = append(keys, policy.Key{Name: "signin:OAuthClientAuthentication", Values: []string{"none"}})
	}
	return keys
}

package authorize

import (
	"fmt"

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
// What the policies of a dynamic client's session must allow is the resource, so only accounts come into question that
// have it.
func (p *Pages) choices(c *wire.Call, personID string, a asked) ([]choice, error) {
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
		if resource := resourceIn(assignment.Role.Account); resource != "" && p.allows(assignment.Role, resource) {
			open = append(open, choice{assignment})
		}
	}
	return open, nil
}

// allows tells whether the role's policy allows both the authorization and the token.
func (p *Pages) allows(role store.Role, resource string) bool {
	document, err := policy.Parse(role.Policy)
	return err == nil && document.Allows("signin:"+authorizeOperation, resource) && document.Allows("signin:CreateOAuth2Token", resource)
}

package authorize

import (
	"context"
	"fmt"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// choice is a role that a person may let a client act as.
type choice struct{ store.Assignment }

// value is what the form says for the choice: <account>/<role>. A role name holds no slash.
func (c choice) value() string { return c.Role.Account + "/" + c.Role.Name }

// principal is who as the role.
func (c choice) principal(who seal.Browser) signin.Principal {
	return signin.Principal{
		Account: c.Role.Account, Role: c.Role.Name, RoleID: c.Role.ID, Person: who.Person, PersonID: who.PersonID,
	}
}

// choices returns the roles of the person whose policies let client in, by account, then name: those that allow both the
// authorization and the token that it is for. What the token endpoint then finds in the code holds until a notice says
// otherwise. A policy that cannot be read lets nobody in.
func (p *Pages) choices(ctx context.Context, personID string, client signin.Client) ([]choice, error) {
	assignments, err := p.Directory.AssignmentsOf(ctx, personID)
	if err != nil {
		return nil, fmt.Errorf("find roles of person: %w", err)
	}
	var open []choice
	for _, a := range assignments {
		document, err := policy.Parse(a.Role.Policy)
		resource := client.Resource(p.Region, a.Role.Account)
		if err == nil && document.Allows("signin:"+authorizeOperation, resource) && document.Allows("signin:CreateOAuth2Token", resource) {
			open = append(open, choice{a})
		}
	}
	return open, nil
}

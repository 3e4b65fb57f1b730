package authorize

import (
	"context"
	"fmt"
	"net/url"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// dynamic tells whether the client registered or describes itself.
func (a *asked) dynamic() bool { return a.client.Class == signin.Dynamic }

// parseTarget checks what only a dynamic client says: the one resource that its tokens will be for (RFC 8707 section 2), and
// its scope.
func (a *asked) parseTarget(values url.Values) *refusal {
	resource := values.Get("resource")
	if resource == "" {
		return &refusal{invalidTarget, signin.Refuse(signin.TargetInvalid, "resource is missing: name the service that the tokens are for (RFC 8707)")}
	}
	if err := signin.CheckResource(resource); err != nil {
		return &refusal{invalidTarget, err}
	}
	scope, err := signin.ParseScope(values.Get("scope"))
	if err != nil {
		return &refusal{invalidScope, err}
	}
	a.request.Resource, a.request.Scope = resource, scope
	return nil
}

// checkTarget refuses a resource that no account has, before anybody signs in for it.
func (p *Pages) checkTarget(ctx context.Context, a asked) (*refusal, error) {
	if !a.dynamic() {
		return nil, nil
	}
	known, err := p.Resources.ResourcesCalled(ctx, a.request.Resource)
	if err != nil {
		return nil, fmt.Errorf("find resource: %w", err)
	}
	if len(known) == 0 {
		return &refusal{invalidTarget, signin.Refuse(signin.TargetInvalid, "no account of this server has that resource. An administrator registers it, byte for byte as the client names it")}, nil
	}
	return nil, nil
}

package token

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// target returns the identifier of the resource that a dynamic client's authorization is for (RFC 8707 section 2.2): the
// one that the request names, or, where it names none, the one whose hash the code carries. Of other clients it is empty.
func (e *Endpoint) target(ctx context.Context, r *request, a signin.Authorization) (string, error) {
	if r.client.Class != signin.Dynamic {
		return "", nil
	}
	if r.Resource != "" {
		hash := signin.HashResource(r.Resource)
		if subtle.ConstantTimeCompare(hash[:], a.Resource[:]) != 1 {
			return "", errOtherTarget()
		}
		return r.Resource, nil
	}
	all, err := e.Resources.Resources(ctx, a.Principal.Account)
	if err != nil {
		return "", fmt.Errorf("find resource of code: %w", err)
	}
	for _, resource := range all {
		if signin.HashResource(resource.Identifier) == a.Resource {
			return resource.Identifier, nil
		}
	}
	return "", errTargetGone()
}

// registered returns a resource of an account, which may have been taken away meanwhile.
func (e *Endpoint) registered(ctx context.Context, account, identifier string) (signin.Resource, error) {
	r, err := e.Resources.ResourceByIdentifier(ctx, account, identifier)
	if errors.Is(err, store.ErrNotFound) {
		return signin.Resource{}, errTargetGone()
	}
	if err != nil {
		return signin.Resource{}, fmt.Errorf("find resource: %w", err)
	}
	return r.Resource, nil
}

func errOtherTarget() error {
	return signin.Refuse(signin.TargetInvalid, "resource is not the one of the authorization, byte for byte. Send that one, or none, or authorize again for the other.")
}

func errTargetGone() error {
	return signin.Refuse(signin.TargetInvalid, "the resource of this authorization is no longer registered in the account. Ask its administrator.")
}

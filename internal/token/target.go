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
// one that the request names, or, where it names none, the one whose hash the code carries. It must still belong to the
// account. Of other clients it is empty.
func (e *Endpoint) target(ctx context.Context, r *request, a signin.Authorization) (string, error) {
	if r.client.Class != signin.Dynamic {
		return "", nil
	}
	if r.Resource != "" {
		hash := signin.HashResource(r.Resource)
		if subtle.ConstantTimeCompare(hash[:], a.Resource[:]) != 1 {
			return "", errOtherTarget()
		}
		return r.Resource, e.stillThere(ctx, a.Principal.Account, r.Resource)
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

// stillThere returns nil while the account has the resource.
func (e *Endpoint) stillThere(ctx context.Context, account, identifier string) error {
	_, err := e.Resources.ResourceByIdentifier(ctx, account, identifier)
	if errors.Is(err, store.ErrNotFound) {
		return errTargetGone()
	}
	if err != nil {
		return fmt.Errorf("find resource: %w", err)
	}
	return nil
}

func errOtherTarget() error {
	return signin.Refuse(signin.TargetInvalid, "resource is not the one of the authorization, byte for byte. Send that one, or none, or authorize again for the other.")
}

func errTargetGone() error {
	return signin.Refuse(signin.TargetInvalid, "the resource of this authorization is no longer registered in the account. Ask its administrator.")
}

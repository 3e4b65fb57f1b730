package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// scopeAccount is the scope of console authorization: there are no organizations here.
const scopeAccount = "ACCOUNT"

type consoleAnswer struct {
	Enabled  bool   `json:"consoleAuthorizationEnabled"`
	Scope    string `json:"scope"`
	TargetID string `json:"targetId"`
}

// target returns the account that targetId names, which can only be the caller's own.
func (r *request) target() (string, error) {
	switch id := r.Text("targetId"); {
	case id == "" || id == r.who.Account:
		return r.who.Account, nil
	case signin.ValidAccount(id):
		return "", signin.Refuse(signin.PermissionMissing, "targetId must be the account of the caller, %s, or absent", r.who.Account)
	default:
		return "", signin.Refuse(signin.RecordUnknown, "there are no organizations here: console authorization is switched for each account, so targetId must be %s, or absent", r.who.Account)
	}
}

// switchOn answers PutConsoleAuthorizationConfiguration: from now on the statements of the account take effect.
func (e *Endpoint) switchOn(ctx context.Context, r *request) (any, error) {
	return e.turn(ctx, r, true)
}

// switchOff answers DeleteConsoleAuthorizationConfiguration. Off again is not an error.
func (e *Endpoint) switchOff(ctx context.Context, r *request) (any, error) {
	return e.turn(ctx, r, false)
}

func (e *Endpoint) turn(ctx context.Context, r *request, on bool) (any, error) {
	account, err := r.target()
	if err != nil {
		return nil, err
	}
	was, err := e.enabled(ctx, account)
	if err != nil {
		return nil, err
	}
	now := r.call.Now
	err = e.Perimeter.SetConsoleAuthorization(ctx, account, on, now, now.Add(perimeter.TellFor))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errAccountGone()
	}
	if err != nil {
		return nil, fmt.Errorf("set console authorization: %w", err)
	}
	if on && !was {
		e.note(r, audit.PerimeterOn, "console authorization was switched on; its permission statements take effect.")
	} else if !on && was {
		e.note(r, audit.PerimeterOff, "console authorization was switched off; its permission statements take no effect.")
	}
	return consoleAnswer{on, scopeAccount, account}, nil
}

// askSwitch answers GetConsoleAuthorizationConfiguration.
func (e *Endpoint) askSwitch(ctx context.Context, r *request) (any, error) {
	account, err := r.target()
	if err != nil {
		return nil, err
	}
	on, err := e.enabled(ctx, account)
	if err != nil {
		return nil, err
	}
	return consoleAnswer{on, scopeAccount, account}, nil
}

func (e *Endpoint) enabled(ctx context.Context, account string) (bool, error) {
	_, err := e.Perimeter.ConsoleAuthorizationOf(ctx, account)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find console authorization: %w", err)
	}
	return true, nil
}

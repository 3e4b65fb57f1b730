package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// targetFlags name one thing that policies are attached to.
type targetFlags struct {
	User        string `help:"A person." xor:"target" required:"" placeholder:"NAME"`
	Group       string `help:"A group." xor:"target" required:"" placeholder:"NAME"`
	Role        string `help:"A role, as ACCOUNT/NAME." xor:"target" required:"" placeholder:"ACCOUNT/NAME"`
	ServiceUser string `help:"A service user, as ACCOUNT/NAME." xor:"target" required:"" placeholder:"ACCOUNT/NAME"`
	Account     string `help:"An account: the policy then bounds what everybody in it may do, and gives nothing." xor:"target" required:"" placeholder:"ACCOUNT"`
}

// String names the target for people.
func (f targetFlags) String() string {
	switch {
	case f.User != "":
		return "user " + f.User
	case f.Group != "":
		return "group " + f.Group
	case f.Role != "":
		return "role " + f.Role
	case f.ServiceUser != "":
		return "service user " + f.ServiceUser
	}
	return "account " + f.Account
}

// find returns the target that the flags name.
func (f targetFlags) find(ctx context.Context, in *installation) (store.Target, error) {
	t, err := f.lookup(ctx, in)
	return t, explain(err, f.String())
}

func (f targetFlags) lookup(ctx context.Context, in *installation) (store.Target, error) {
	switch {
	case f.User != "":
		p, err := in.PersonByName(ctx, f.User)
		return store.Target{Kind: store.ToPerson, ID: p.ID}, err
	case f.Group != "":
		g, err := in.GroupByName(ctx, f.Group)
		return store.Target{Kind: store.ToGroup, ID: g.ID}, err
	case f.Role != "":
		account, name, err := inAccount("--role", f.Role)
		if err != nil {
			return store.Target{}, err
		}
		r, err := in.RoleByName(ctx, account, name)
		return store.Target{Kind: store.ToRole, ID: r.ID}, err
	case f.ServiceUser != "":
		account, name, err := inAccount("--service-user", f.ServiceUser)
		if err != nil {
			return store.Target{}, err
		}
		u, err := in.ServiceUserByName(ctx, account, name)
		return store.Target{Kind: store.ToServiceUser, ID: u.ID}, err
	}
	if !signin.ValidAccount(f.Account) {
		return store.Target{}, usageError("an account id has 12 digits, like 111122223333")
	}
	_, err := in.AccountByID(ctx, f.Account)
	return store.Target{Kind: store.ToAccount, ID: f.Account}, err
}

// inAccount reads the ACCOUNT/NAME of a flag.
func inAccount(flag, text string) (account, name string, err error) {
	account, name, ok := strings.Cut(text, "/")
	if !ok || !signin.ValidAccount(account) || name == "" {
		return "", "", usageError(flag + " must be ACCOUNT/NAME, like 111122223333/Developer")
	}
	return account, name, nil
}

// effect says what becomes of those whom a change at the target concerns.
func (f targetFlags) effect() string {
	switch {
	case f.ServiceUser != "":
		return "It counts within two seconds."
	case f.User != "":
		return "The person's sessions end within two seconds; whoever is still allowed signs in again."
	case f.Group != "":
		return "The sessions of everybody in it end within two seconds; whoever is still allowed signs in again."
	}
	return "The sessions that act in it end within two seconds; whoever is still allowed signs in again."
}

type policyAttachCmd struct {
	configFlag
	policyArg
	targetFlags
}

func (cmd policyAttachCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		target, err := cmd.find(ctx, in)
		if err != nil {
			return err
		}
		_, builtIn := cmd.builtIn()
		now := time.Now()
		a := store.Attachment{Target: target, Policy: cmd.ARN}
		if err := in.AttachPolicy(ctx, a, builtIn, now, signin.NoticeExpiry(now)); errors.Is(err, store.ErrExists) {
			return fmt.Errorf("the policy is attached to %s already", cmd.targetFlags)
		} else if err != nil {
			return cmd.explain(err)
		}
		o.note("Attached the policy to %s. %s", cmd.targetFlags, cmd.effect())
		if target.Kind == store.ToAccount {
			return warnOfBound(ctx, in, o, target)
		}
		return nil
	})
}

// warnOfBound tells when nobody can sign in to an account any more, because of what is attached to it.
func warnOfBound(ctx context.Context, in *installation, o *output, account store.Target) error {
	attached, err := in.AttachedTo(ctx, account)
	if err != nil {
		return fmt.Errorf("list attached policies: %w", err)
	}
	if waysIn(in.judge(), in.cfg.Region, store.Role{Account: account.ID, Policy: everything}, attached) == (ways{}) {
		o.note("Note: what is attached to the account does not allow signing in from the CLI and SDKs, so nobody does. "+
			"One of the policies must allow signin:AuthorizeOAuth2Access and signin:CreateOAuth2Token; to undo it: latchkey policy detach ARN --account %s", account.ID)
	}
	return nil
}

// everything is a document that allows all that its account does.
const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

type policyDetachCmd struct {
	configFlag
	policyArg
	targetFlags
}

func (cmd policyDetachCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		target, err := cmd.find(ctx, in)
		if err != nil {
			return err
		}
		now := time.Now()
		err = in.DetachPolicy(ctx, store.Attachment{Target: target, Policy: cmd.ARN}, now, signin.NoticeExpiry(now))
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("the policy is not attached to %s", cmd.targetFlags)
		} else if err != nil {
			return err
		}
		o.note("Detached the policy from %s. %s", cmd.targetFlags, cmd.effect())
		if target.Kind != store.ToAccount {
			return nil
		}
		left, err := in.AttachedTo(ctx, target)
		if err != nil {
			return fmt.Errorf("list attached policies: %w", err)
		}
		if len(left) == 0 {
			o.note("Nothing bounds %s any more.", cmd.targetFlags)
			return nil
		}
		return warnOfBound(ctx, in, o, target)
	})
}

type policyAttachedCmd struct {
	configFlag
	targetFlags
	JSON bool `help:"Print JSON." name:"json"`
}

func (cmd policyAttachedCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		target, err := cmd.find(ctx, in)
		if err != nil {
			return err
		}
		attached, err := in.AttachedTo(ctx, target)
		if err != nil {
			return fmt.Errorf("list attached policies: %w", err)
		}
		arns := []string{}
		for _, a := range attached {
			arns = append(arns, a.Policy)
		}
		return list(o, cmd.JSON, arns, func(arn string) string {
			if _, ok := policy.ManagedByARN(arn); ok {
				return arn + "  (built in)"
			}
			return arn
		})
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type policyCmd struct {
	Add      policyAddCmd      `cmd:"" help:"Add a policy to an account, which can then be attached."`
	List     policyListCmd     `cmd:"" help:"List the policies that can be attached: those that are built in, and those of accounts."`
	Show     policyShowCmd     `cmd:"" help:"Print the document of a policy."`
	Set      policySetCmd      `cmd:"" help:"Replace the document of a policy, which ends the sessions that it applies to."`
	Remove   policyRemoveCmd   `cmd:"" help:"Remove a policy that is attached to nothing."`
	Attach   policyAttachCmd   `cmd:"" help:"Attach a policy to a person, group, role or service user, or as a bound to an account."`
	Detach   policyDetachCmd   `cmd:"" help:"Detach a policy."`
	Attached policyAttachedCmd `cmd:"" help:"List what is attached to a person, group, role, service user or account."`
	Simulate policySimulateCmd `cmd:"" help:"Say whether somebody may do something, and what each statement has to do with it."`
}

type policyAddCmd struct {
	configFlag
	Account string `arg:"" help:"The account: 12 digits."`
	Name    string `arg:"" help:"Its name: 1 to 128 letters, digits and _+=,.@-"`
	File    string `arg:"" help:"File with the IAM policy." type:"existingfile"`
}

func (cmd policyAddCmd) Run(ctx context.Context, o *output) error {
	// Those that are built in are under arn:aws:iam::aws:, where nobody may put another of the same name.
	if !signin.ValidAccount(cmd.Account) {
		return usageError("an account id has 12 digits, like 111122223333")
	}
	if !signin.ValidPolicyName(cmd.Name) {
		return usageError("the name of a policy has 1 to 128 letters, digits and _+=,.@-")
	}
	document, _, err := readPolicy(cmd.File)
	if err != nil {
		return err
	}
	p := store.ManagedPolicy{ARN: signin.PolicyARN(cmd.Account, cmd.Name), Account: cmd.Account, Document: document, Created: time.Now()}
	return cmd.with(ctx, func(in *installation) error {
		if err := in.AddManagedPolicy(ctx, p); errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no account %s: add it with latchkey account add %s", cmd.Account, cmd.Account)
		} else if err != nil {
			return explain(err, "policy "+p.ARN)
		}
		o.note("Added the policy. It says nothing until it is attached: latchkey policy attach --help")
		o.line("%s", p.ARN)
		return nil
	})
}

type policyListCmd struct {
	configFlag
	JSON bool `help:"Print JSON." name:"json"`
}

func (cmd policyListCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		policies, err := in.ManagedPolicies(ctx)
		if err != nil {
			return fmt.Errorf("list policies: %w", err)
		}
		type row struct {
			ARN     string `json:"arn"`
			BuiltIn bool   `json:"builtIn"`
		}
		rows := []row{}
		for _, arn := range slices.Sorted(maps.Keys(policy.Managed)) {
			rows = append(rows, row{arn, true})
		}
		for _, p := range policies {
			rows = append(rows, row{p.ARN, false})
		}
		return list(o, cmd.JSON, rows, func(r row) string {
			if r.BuiltIn {
				return r.ARN + "  (built in)"
			}
			return r.ARN
		})
	})
}

// policyArg names a policy that can be attached.
type policyArg struct {
	ARN string `arg:"" help:"The ARN of the policy, as latchkey policy list prints it."`
}

// builtIn tells whether the policy is built in, and returns its document then.
func (a policyArg) builtIn() (document string, ok bool) { return policy.ManagedByARN(a.ARN) }

// kept returns the policy, which the store keeps.
func (a policyArg) kept(ctx context.Context, in *installation) (store.ManagedPolicy, error) {
	if _, ok := a.builtIn(); ok {
		return store.ManagedPolicy{}, errors.New("this policy is built in and stays as it is: add one of your own with latchkey policy add")
	}
	p, err := in.ManagedPolicyByARN(ctx, a.ARN)
	return p, a.explain(err)
}

func (a policyArg) explain(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errors.New("there is no policy of that ARN: latchkey policy list shows them")
	}
	return err
}

type policyShowCmd struct {
	configFlag
	policyArg
}

func (cmd policyShowCmd) Run(ctx context.Context, o *output) error {
	if document, ok := cmd.builtIn(); ok {
		o.line("%s", document)
		return nil
	}
	return cmd.with(ctx, func(in *installation) error {
		p, err := cmd.kept(ctx, in)
		if err != nil {
			return err
		}
		o.line("%s", p.Document)
		return nil
	})
}

type policySetCmd struct {
	configFlag
	policyArg
	File string `arg:"" help:"File with the new IAM policy." type:"existingfile"`
}

func (cmd policySetCmd) Run(ctx context.Context, o *output) error {
	document, _, err := readPolicy(cmd.File)
	if err != nil {
		return err
	}
	return cmd.with(ctx, func(in *installation) error {
		p, err := cmd.kept(ctx, in)
		if err != nil {
			return err
		}
		now := time.Now()
		if err := in.SetManagedPolicy(ctx, p.ARN, document, now, signin.NoticeExpiry(now)); err != nil {
			return cmd.explain(err)
		}
		o.note("Replaced the policy. The sessions that it applies to end within two seconds; whoever is still allowed signs in again.")
		return nil
	})
}

type policyRemoveCmd struct {
	configFlag
	policyArg
}

func (cmd policyRemoveCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		p, err := cmd.kept(ctx, in)
		if err != nil {
			return err
		}
		if err := in.RemoveManagedPolicy(ctx, p.ARN); errors.Is(err, store.ErrInUse) {
			return errors.New("the policy is attached: detach it first with latchkey policy detach")
		} else if err != nil {
			return cmd.explain(err)
		}
		o.note("Removed the policy.")
		return nil
	})
}

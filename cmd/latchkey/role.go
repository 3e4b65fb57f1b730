package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type roleCmd struct {
	Add      roleAddCmd      `cmd:"" help:"Add a role to an account."`
	Assign   roleAssignCmd   `cmd:"" help:"Let a person act as a role."`
	Unassign roleUnassignCmd `cmd:"" help:"Take a role from a person, and end the sessions that use it."`
	Policy   rolePolicyCmd   `cmd:"" help:"Replace the policy of a role."`
	List     roleListCmd     `cmd:"" help:"List the roles."`
}

// roleArgs name a role.
type roleArgs struct {
	Account string `arg:"" help:"The account: 12 digits."`
	Role    string `arg:"" help:"The role."`
}

func (a roleArgs) String() string { return "role " + a.Role + " in account " + a.Account }

// find returns the role that the arguments name.
func (a roleArgs) find(ctx context.Context, in *installation) (store.Role, error) {
	role, err := in.RoleByName(ctx, a.Account, a.Role)
	if err != nil {
		return store.Role{}, explain(err, a.String())
	}
	return role, nil
}

// findWith returns the role and the person.
func (a roleArgs) findWith(ctx context.Context, in *installation, name string) (store.Role, store.Person, error) {
	role, err := a.find(ctx, in)
	if err != nil {
		return store.Role{}, store.Person{}, err
	}
	p, err := in.PersonByName(ctx, name)
	return role, p, explain(err, "user "+name)
}

type roleAddCmd struct {
	configFlag
	roleArgs
	Policy string `help:"File with an IAM policy that limits sessions of the role. Default: sign-in from CLI, SDKs and confidential clients is allowed." placeholder:"FILE"`
}

func (cmd roleAddCmd) Run(ctx context.Context, o *output) error {
	if !signin.ValidAccount(cmd.Account) {
		return usageError("an account id has 12 digits, like 111122223333")
	}
	if !signin.ValidRoleName(cmd.Role) {
		return usageError("a role name has 1 to 64 letters, digits and _+=,.@-")
	}
	document := policy.LocalDevelopment
	if cmd.Policy != "" {
		var err error
		if document, _, err = readPolicy(cmd.Policy); err != nil {
			return err
		}
	}
	return cmd.with(ctx, func(in *installation) error {
		role := store.Role{
			ID: signin.NewUniqueID(signin.PrefixRole), Account: cmd.Account, Name: cmd.Role, Policy: document, Created: time.Now(),
		}
		if err := in.AddRole(ctx, role); errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no account %s: add it with latchkey account add %s", cmd.Account, cmd.Account)
		} else if err != nil {
			return explain(err, cmd.String())
		}
		o.note("Added %s. Next: latchkey role assign %s %s USER, or latchkey issuer add for people of another identity provider", cmd.roleArgs, cmd.Account, cmd.Role)
		return nil
	})
}

// readPolicy returns the policy document in a file.
func readPolicy(path string) (string, policy.Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", policy.Document{}, fmt.Errorf("read policy: %w", err)
	}
	document, err := policy.Parse(string(text))
	if err != nil {
		return "", policy.Document{}, fmt.Errorf("%s: %w", path, err)
	}
	return string(text), document, nil
}

type rolePolicyCmd struct {
	configFlag
	roleArgs
	File string `arg:"" help:"File with the new IAM policy." type:"existingfile"`
}

func (cmd rolePolicyCmd) Run(ctx context.Context, o *output) error {
	document, _, err := readPolicy(cmd.File)
	if err != nil {
		return err
	}
	return cmd.with(ctx, func(in *installation) error {
		role, err := cmd.find(ctx, in)
		if err != nil {
			return err
		}
		role.Policy = document
		denies, err := deniesSignIn(ctx, in, role)
		if err != nil {
			return err
		}
		now := time.Now()
		if err := in.SetRolePolicy(ctx, role.ID, document, denies, now, signin.NoticeExpiry(now)); err != nil {
			return err
		}
		o.note("Replaced the policy of %s. The sessions of the role end within two seconds; whoever the policy allows signs in again.", cmd.roleArgs)
		if denies {
			o.note("Note: not every way to sign in is allowed. The policy, or one that is attached, must allow signin:AuthorizeOAuth2Access and signin:CreateOAuth2Token; see docs/policies.md.")
		}
		return nil
	})
}

type roleAssignCmd struct {
	configFlag
	roleArgs
	User string `arg:"" help:"The person."`
}

func (cmd roleAssignCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		role, p, err := cmd.findWith(ctx, in, cmd.User)
		if err != nil {
			return err
		}
		if err := in.Assign(ctx, p.ID, role.ID); err != nil {
			return err
		}
		o.note("%s may act as %s.", p.Name, cmd.roleArgs)
		return nil
	})
}

type roleUnassignCmd struct {
	configFlag
	roleArgs
	User string `arg:"" help:"The person."`
}

func (cmd roleUnassignCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		role, p, err := cmd.findWith(ctx, in, cmd.User)
		if err != nil {
			return err
		}
		now := time.Now()
		if err := in.Unassign(ctx, p.ID, role.ID, now, signin.NoticeExpiry(now)); err != nil {
			return explain(err, "assignment of "+cmd.String()+" to "+p.Name)
		}
		o.note("%s no longer acts as %s; sessions that do end within two seconds.", p.Name, cmd.roleArgs)
		return nil
	})
}

type roleListCmd struct {
	configFlag
	JSON bool `help:"Print JSON." name:"json"`
}

func (cmd roleListCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		roles, err := in.Roles(ctx)
		if err != nil {
			return fmt.Errorf("list roles: %w", err)
		}
		type row struct {
			Account string `json:"account"`
			Name    string `json:"name"`
			ID      string `json:"id"`
			Policy  string `json:"policy"`
		}
		rows := []row{}
		for _, r := range roles {
			rows = append(rows, row{r.Account, r.Name, r.ID, r.Policy})
		}
		return list(o, cmd.JSON, rows, func(r row) string { return r.Account + "  " + r.Name })
	})
}

// sentence returns what a fault tells the caller, without the kind in front; other errors as they are.
func sentence(err error) error {
	if f, ok := errors.AsType[*signin.Fault](err); ok {
		return errors.New(f.Message)
	}
	return err
}

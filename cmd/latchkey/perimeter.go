package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type perimeterCmd struct {
	List   perimeterListCmd   `cmd:"" help:"List the permission statements of an account, and say whether they take effect."`
	Add    perimeterAddCmd    `cmd:"" help:"Add a permission statement, which says from where people may sign in."`
	Remove perimeterRemoveCmd `cmd:"" help:"Remove a permission statement of an account."`
	On     perimeterOnCmd     `cmd:"" help:"Let the statements of an account take effect."`
	Off    perimeterOffCmd    `cmd:"" help:"Let the statements of an account take no effect, so that whoever was locked out can sign in."`
}

type perimeterListCmd struct {
	configFlag
	Account string `arg:"" help:"The account: 12 digits."`
	JSON    bool   `help:"Print JSON." name:"json"`
}

// statementRow is what is listed of a statement.
type statementRow struct {
	ID        string              `json:"statementId"`
	Created   time.Time           `json:"created"`
	Statement perimeter.Statement `json:"statement"`
	Problem   string              `json:"problem,omitempty"`
}

func (cmd perimeterListCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		if err := in.needAccount(ctx, cmd.Account); err != nil {
			return err
		}
		kept, err := in.Statements(ctx, cmd.Account, "", perimeter.Quota)
		if err != nil {
			return fmt.Errorf("list statements: %w", err)
		}
		on, err := in.perimeterIsOn(ctx, cmd.Account)
		switch {
		case err != nil:
			return err
		case on && len(kept) == 0:
			o.note("Console authorization of account %s is on, but there are no statements, so people may sign in from anywhere.", cmd.Account)
		case on:
			o.note("Console authorization of account %s is on: its statements take effect.", cmd.Account)
		default:
			o.note("Console authorization of account %s is off: its statements take no effect.", cmd.Account)
		}
		rows := []statementRow{}
		for _, k := range kept {
			rows = append(rows, describeStatement(k))
		}
		return list(o, cmd.JSON, rows, func(r statementRow) string {
			return strings.TrimSpace(r.ID + "  " + r.Statement.Document() + "  " + r.Problem)
		})
	})
}

// describeStatement returns what is listed of k, with what an operator may not expect of it.
func describeStatement(k store.PermissionStatement) statementRow {
	s, err := perimeter.ParseStatement(k.Statement)
	row := statementRow{ID: k.ID, Created: k.Created, Statement: s}
	excluded := s.ExcludedPrincipal
	switch {
	case err != nil:
		row.Statement, row.Problem = perimeter.Statement{}, "cannot be read, so it keeps everybody out"
	case excluded != "" && !strings.HasPrefix(excluded, "arn:aws:iam::"+k.Account+":role/"):
		row.Problem = "excludes nobody, because its excludedPrincipal is no role of the account"
	}
	return row
}

// perimeterIsOn tells whether the statements of the account take effect.
func (i *installation) perimeterIsOn(ctx context.Context, account string) (bool, error) {
	_, err := i.ConsoleAuthorizationOf(ctx, account)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find console authorization: %w", err)
	}
	return true, nil
}

// warnOfStatement says what an operator may not expect of the statement s that is kept as k. A role that is missing may be added
// later, so it is no error; but who relies on it for emergencies must know.
func (i *installation) warnOfStatement(ctx context.Context, o *output, k store.PermissionStatement, s perimeter.Statement) error {
	if problem := describeStatement(k).Problem; problem != "" {
		o.note("Note: it %s.", problem)
		return nil
	}
	_, role, named := strings.Cut(s.ExcludedPrincipal, ":role/")
	if !named || strings.ContainsAny(role, "*?") {
		return nil
	}
	if _, err := i.RoleByName(ctx, k.Account, role); errors.Is(err, store.ErrNotFound) {
		o.note("Note: there is no role %s in account %s, so it excludes nobody until there is: latchkey role add %s %s", role, k.Account, k.Account, role)
	} else if err != nil {
		return fmt.Errorf("find role: %w", err)
	}
	return nil
}

// needAccount returns nil when there is an account of that id.
func (i *installation) needAccount(ctx context.Context, id string) error {
	if !signin.ValidAccount(id) {
		return usageError("an account id has 12 digits, like 111122223333")
	}
	accounts, err := i.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	if !slices.ContainsFunc(accounts, func(a store.Account) bool { return a.ID == id }) {
		return fmt.Errorf("there is no account %s", id)
	}
	return nil
}

type perimeterAddCmd struct {
	configFlag
	Account           string `arg:"" help:"The account: 12 digits."`
	SourceIP          string `name:"source-ip" help:"Address or CIDR range that people come from." placeholder:"CIDR"`
	SourceVPC         string `name:"source-vpc" help:"VPC that they come from." placeholder:"ID"`
	SourceVPCE        string `name:"source-vpce" help:"VPC endpoint that they come through." placeholder:"ID"`
	VPCSourceIP       string `name:"vpc-source-ip" help:"Address or CIDR range inside of the VPC." placeholder:"CIDR"`
	ExcludedPrincipal string `name:"excluded-principal" help:"ARN of a role that may come from anywhere." placeholder:"ARN"`
}

func (cmd perimeterAddCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		wanted := perimeter.Statement{
			SourceIP: cmd.SourceIP, SourceVPC: cmd.SourceVPC, SigninSourceVPCE: cmd.SourceVPCE, VPCSourceIP: cmd.VPCSourceIP,
			ExcludedPrincipal: cmd.ExcludedPrincipal,
		}
		if cmd.SourceVPC != "" || cmd.SourceVPCE != "" {
			wanted.RequestedRegion = in.cfg.Region
		}
		s, err := wanted.Check(in.cfg.Region)
		if err != nil {
			return usageError(sentence(err).Error())
		}
		if err := in.needAccount(ctx, cmd.Account); err != nil {
			return err
		}
		now := clock()
		kept, err := in.PutStatement(ctx, s.Keep(cmd.Account, "", now), perimeter.Quota, now, now.Add(perimeter.TellFor))
		if errors.Is(err, store.ErrQuota) {
			return fmt.Errorf("account %s has %d statements, which is the most: remove one first", cmd.Account, perimeter.Quota)
		}
		if err != nil {
			return fmt.Errorf("add statement: %w", err)
		}
		o.line("%s", kept.ID)
		on, err := in.perimeterIsOn(ctx, cmd.Account)
		switch {
		case err != nil:
			return err
		case on:
			o.note("Added the statement. Console authorization is on, so it takes effect within two seconds. To undo it: latchkey perimeter off %s", cmd.Account)
		default:
			o.note("Added the statement. It takes effect while console authorization is on: latchkey perimeter on %s", cmd.Account)
		}
		if err := in.warnOfStatement(ctx, o, kept, s); err != nil {
			return err
		}
		return in.auditPerimeter(ctx, now, audit.StatementPut, cmd.Account, "an operator added permission statement "+kept.ID+": "+kept.Statement)
	})
}

type perimeterRemoveCmd struct {
	configFlag
	Account   string `arg:"" help:"The account: 12 digits."`
	Statement string `arg:"" help:"The id of the statement, as list shows it."`
}

func (cmd perimeterRemoveCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		now := clock()
		if err := in.DeleteStatement(ctx, cmd.Account, cmd.Statement, now, now.Add(perimeter.TellFor)); err != nil {
			return explain(err, "such statement in account "+cmd.Account)
		}
		o.note("Removed the statement. The servers heed that within two seconds.")
		return in.auditPerimeter(ctx, now, audit.StatementDeleted, cmd.Account, "an operator removed permission statement "+cmd.Statement+".")
	})
}

type perimeterOnCmd struct {
	configFlag
	Account string `arg:"" help:"The account: 12 digits."`
}

func (cmd perimeterOnCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		if err := in.turnPerimeter(ctx, cmd.Account, true); err != nil {
			return err
		}
		o.note("The statements of account %s take effect; the servers heed that within two seconds. To undo it: latchkey perimeter off %s", cmd.Account, cmd.Account)
		kept, err := in.Statements(ctx, cmd.Account, "", 1)
		if err != nil {
			return fmt.Errorf("list statements: %w", err)
		}
		if len(kept) == 0 {
			o.note("Note: there are none yet, so people may sign in from anywhere. Add one with latchkey perimeter add %s", cmd.Account)
		}
		return nil
	})
}

type perimeterOffCmd struct {
	configFlag
	Account string `arg:"" help:"The account: 12 digits."`
}

func (cmd perimeterOffCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		if err := in.turnPerimeter(ctx, cmd.Account, false); err != nil {
			return err
		}
		o.note("The statements of account %s take no effect any more; the servers heed that within two seconds. "+
			"They are still there: latchkey perimeter list %s", cmd.Account, cmd.Account)
		return nil
	})
}

// turnPerimeter switches console authorization of the account on or off.
func (i *installation) turnPerimeter(ctx context.Context, account string, on bool) error {
	if err := i.needAccount(ctx, account); err != nil {
		return err
	}
	now := clock()
	if err := i.SetConsoleAuthorization(ctx, account, on, now, now.Add(perimeter.TellFor)); err != nil {
		return explain(err, "account "+account)
	}
	kind, what := audit.PerimeterOff, "an operator switched console authorization off."
	if on {
		kind, what = audit.PerimeterOn, "an operator switched console authorization on."
	}
	return i.auditPerimeter(ctx, now, kind, account, what)
}

// auditPerimeter keeps what was done in the audit trail.
func (i *installation) auditPerimeter(ctx context.Context, at time.Time, kind, account, what string) error {
	event := store.AuditEvent{ID: signin.NewSessionID(at), At: at, Kind: kind, Detail: "Account " + account + ": " + what}
	if err := i.RecordAudit(ctx, []store.AuditEvent{event}); err != nil {
		return fmt.Errorf("it was done, but it is not in the audit trail: %w", err)
	}
	return nil
}

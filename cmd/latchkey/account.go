package main

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type accountCmd struct {
	Add  accountAddCmd  `cmd:"" help:"Add an account."`
	List accountListCmd `cmd:"" help:"List the accounts."`
}

type accountAddCmd struct {
	configFlag
	ID   string `arg:"" help:"The account id: 12 digits."`
	Name string `help:"What people read when they choose an account. Default: the id."`
}

func (cmd accountAddCmd) Run(ctx context.Context, o *output) error {
	if !signin.ValidAccount(cmd.ID) {
		return usageError("an account id has 12 digits, like 111122223333")
	}
	return cmd.with(ctx, func(in *installation) error {
		name := cmd.Name
		if name == "" {
			name = cmd.ID
		}
		if err := in.AddAccount(ctx, store.Account{ID: cmd.ID, Name: name, Created: time.Now()}); err != nil {
			return explain(err, "account "+cmd.ID)
		}
		o.note("Added account %s. Next: latchkey role add %s ROLE", cmd.ID, cmd.ID)
		return nil
	})
}

type accountListCmd struct {
	configFlag
	JSON bool `help:"Print JSON." name:"json"`
}

func (cmd accountListCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		accounts, err := in.Accounts(ctx)
		if err != nil {
			return fmt.Errorf("list accounts: %w", err)
		}
		type row struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		}
		rows := []row{}
		for _, a := range accounts {
			rows = append(rows, row{a.ID, a.Name})
		}
		return list(o, cmd.JSON, rows, func(r row) string { return r.ID + "  " + r.Name })
	})
}

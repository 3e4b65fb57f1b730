package main

import (
	"context"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/signin"
)

type clientListCmd struct {
	configFlag
	Limit int  `help:"How many clients to show." default:"50"`
	JSON  bool `help:"Print JSON." name:"json"`
}

// clientRow is a client that registered itself, as it is printed.
type clientRow struct {
	ID           string   `json:"clientId"`
	Name         string   `json:"name,omitempty"`
	RedirectURIs []string `json:"redirectUris"`
	Registered   string   `json:"registered"`
	Expires      string   `json:"expires"`
}

func (cmd clientListCmd) Run(ctx context.Context, o *output) error {
	if cmd.Limit < 1 {
		return usageError("--limit must be at least 1")
	}
	return cmd.with(ctx, func(in *installation) error {
		kept, err := in.DynamicClients(ctx, signin.SessionID{}, cmd.Limit)
		if err != nil {
			return err
		}
		rows := []clientRow{}
		for _, c := range kept {
			m, err := clients.Registered(c)
			if err != nil {
				return err
			}
			rows = append(rows, clientRow{
				ID: m.ClientID, Name: m.Name, RedirectURIs: m.RedirectURIs,
				Registered: c.Created.Format(time.RFC3339), Expires: c.Expires.Format(time.RFC3339),
			})
		}
		if len(rows) == 0 && !cmd.JSON {
			o.note("No client has registered itself.")
		}
		return list(o, cmd.JSON, rows, clientRow.line)
	})
}

// line is the row for people.
func (r clientRow) line() string {
	name := r.Name
	if name == "" {
		name = "(no name)"
	}
	return strings.Join([]string{r.Registered, r.ID, name, strings.Join(r.RedirectURIs, " ")}, "  ")
}

type clientRemoveCmd struct {
	configFlag
	ClientID string `arg:"" help:"Its client id, as latchkey client list shows it."`
}

func (cmd clientRemoveCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		id, ok := signin.ParseDynamicClientID(cmd.ClientID)
		if !ok {
			return usageError("that is not the id of a client that registered itself; latchkey client list shows them")
		}
		now := time.Now()
		if err := in.RemoveDynamicClient(ctx, id, now, signin.NoticeExpiry(now)); err != nil {
			return explain(err, "client "+cmd.ClientID)
		}
		o.note("Removed the client. Nobody signs in to it any more, and what it was given ends within two seconds.")
		return nil
	})
}

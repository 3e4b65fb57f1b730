package main

import (
	"context"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

type auditCmd struct {
	List auditListCmd `cmd:"" help:"Show what happened, newest first."`
}

type auditListCmd struct {
	configFlag
	User  string `help:"Only what is about this person." placeholder:"NAME"`
	Limit int    `help:"How many events to show." default:"50"`
	JSON  bool   `help:"Print JSON." name:"json"`
}

// auditRow is an event as it is printed.
type auditRow struct {
	Time      string `json:"time"`
	Kind      string `json:"kind"`
	Principal string `json:"principal,omitempty"`
	PersonID  string `json:"personId,omitempty"`
	Session   string `json:"session,omitempty"`
	Client    string `json:"client,omitempty"`
	Remote    string `json:"remote,omitempty"`
	Request   string `json:"requestId,omitempty"`
	Detail    string `json:"detail"`
}

func (cmd auditListCmd) Run(ctx context.Context, o *output) error {
	if cmd.Limit < 1 {
		return usageError("--limit must be at least 1")
	}
	return cmd.with(ctx, func(in *installation) error {
		q := store.AuditQuery{Limit: cmd.Limit}
		if cmd.User != "" {
			p, err := in.PersonByName(ctx, cmd.User)
			if err != nil {
				return explain(err, "person called "+cmd.User)
			}
			q.Person = p.ID
		}
		events, err := in.AuditEvents(ctx, q)
		if err != nil {
			return err
		}
		rows := []auditRow{}
		for _, e := range events {
			rows = append(rows, auditRow{
				Time: e.At.Format(time.RFC3339), Kind: e.Kind, Principal: e.Principal, PersonID: e.Person, Session: e.Session,
				Client: e.Client, Remote: e.Remote, Request: e.Request, Detail: e.Detail,
			})
		}
		if len(rows) == 0 && !cmd.JSON {
			o.note("Nothing has happened that the audit trail keeps.")
		}
		return list(o, cmd.JSON, rows, auditRow.line)
	})
}

// line is the row for people.
func (r auditRow) line() string {
	who := r.Principal
	if who == "" {
		who = r.PersonID
	}
	var parts []string
	for _, part := range []string{r.Time, r.Kind, who, r.Remote, r.Detail} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "  ")
}

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type groupCmd struct {
	Add    groupAddCmd    `cmd:"" help:"Add a group of people, to attach policies to."`
	List   groupListCmd   `cmd:"" help:"List the groups and who is in them."`
	Member groupMemberCmd `cmd:"" help:"Put people into a group, or take them out."`
}

type groupAddCmd struct {
	configFlag
	Name string `arg:"" help:"Its name: 2 to 64 letters, digits and _+=,.@-"`
}

func (cmd groupAddCmd) Run(ctx context.Context, o *output) error {
	if !signin.ValidPersonName(cmd.Name) {
		return usageError("the name of a group has 2 to 64 letters, digits and _+=,.@-")
	}
	return cmd.with(ctx, func(in *installation) error {
		g := store.Group{ID: signin.NewUniqueID(signin.PrefixGroup), Name: cmd.Name, Created: time.Now()}
		if err := in.AddGroup(ctx, g); err != nil {
			return explain(err, "group "+cmd.Name)
		}
		o.note("Added group %s. Next: latchkey group member add %s USER, latchkey policy attach ARN --group %s", cmd.Name, cmd.Name, cmd.Name)
		return nil
	})
}

type groupListCmd struct {
	configFlag
	JSON bool `help:"Print JSON." name:"json"`
}

func (cmd groupListCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		groups, err := in.Groups(ctx)
		if err != nil {
			return fmt.Errorf("list groups: %w", err)
		}
		type row struct {
			Name    string   `json:"name"`
			ID      string   `json:"id"`
			Members []string `json:"members"`
		}
		rows := []row{}
		for _, g := range groups {
			members, err := in.Members(ctx, g.ID)
			if err != nil {
				return fmt.Errorf("list members: %w", err)
			}
			r := row{Name: g.Name, ID: g.ID, Members: []string{}}
			for _, p := range members {
				r.Members = append(r.Members, p.Name)
			}
			rows = append(rows, r)
		}
		return list(o, cmd.JSON, rows, func(r row) string { return r.Name + "  " + strings.Join(r.Members, " ") })
	})
}

type groupMemberCmd struct {
	Add    memberAddCmd    `cmd:"" help:"Put a person into a group, which ends the person's sessions."`
	Remove memberRemoveCmd `cmd:"" help:"Take a person out of a group, which ends the person's sessions."`
}

// memberArgs name a group and a person.
type memberArgs struct {
	Group string `arg:"" help:"The group."`
	User  string `arg:"" help:"The person."`
}

func (a memberArgs) find(ctx context.Context, in *installation) (store.Group, store.Person, error) {
	g, err := in.GroupByName(ctx, a.Group)
	if err != nil {
		return g, store.Person{}, explain(err, "group "+a.Group)
	}
	p, err := in.PersonByName(ctx, a.User)
	return g, p, explain(err, "user "+a.User)
}

type memberAddCmd struct {
	configFlag
	memberArgs
}

func (cmd memberAddCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		g, p, err := cmd.find(ctx, in)
		if err != nil {
			return err
		}
		now := time.Now()
		if err := in.AddMember(ctx, g.ID, p.ID, now, signin.NoticeExpiry(now)); err != nil {
			return err
		}
		o.note("%s is in group %s. Sessions that began before end within two seconds; %s signs in again.", p.Name, g.Name, p.Name)
		return nil
	})
}

type memberRemoveCmd struct {
	configFlag
	memberArgs
}

func (cmd memberRemoveCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		g, p, err := cmd.find(ctx, in)
		if err != nil {
			return err
		}
		now := time.Now()
		if err := in.RemoveMember(ctx, g.ID, p.ID, now, signin.NoticeExpiry(now)); err != nil {
			return explain(err, p.Name+" in group "+g.Name)
		}
		o.note("%s is no longer in group %s; sessions end within two seconds.", p.Name, g.Name)
		return nil
	})
}

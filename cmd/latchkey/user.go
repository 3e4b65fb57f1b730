package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/identity"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type userCmd struct {
	Add     userAddCmd     `cmd:"" help:"Add a person; the password is asked for, or read from standard input."`
	Passwd  userPasswdCmd  `cmd:"" help:"Set a person's password, which ends the person's sessions."`
	Disable userDisableCmd `cmd:"" help:"Keep a person out, and end the person's sessions."`
	Enable  userEnableCmd  `cmd:"" help:"Let a disabled person in again."`
	List    userListCmd    `cmd:"" help:"List the people."`
}

// passwordFlags say where a new password comes from.
type passwordFlags struct {
	Generate bool `help:"Make a password and print it, instead of asking for one."`
}

// password returns a new password and its hash.
func (f passwordFlags) password(ctx context.Context, o *output) (password, hash string, err error) {
	if f.Generate {
		password = generatePassword()
	} else if password, err = o.newPassword(ctx); err != nil {
		return "", "", err
	}
	hash, err = identity.HashPassword(password)
	return password, hash, err
}

// generatePassword returns 80 random bits in groups that a person can read out and type.
func generatePassword() string {
	s := strings.ToLower(rand.Text()[:16])
	return s[0:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:16]
}

type userAddCmd struct {
	configFlag
	passwordFlags
	Name string `arg:"" help:"The name to sign in with: 2 to 64 letters, digits and _+=,.@-"`
}

func (cmd userAddCmd) Run(ctx context.Context, o *output) error {
	if !signin.ValidPersonName(cmd.Name) {
		return usageError("a name has 2 to 64 letters, digits and _+=,.@-")
	}
	return cmd.with(ctx, func(in *installation) error {
		if _, err := in.PersonByName(ctx, cmd.Name); err == nil {
			return explain(store.ErrExists, "user "+cmd.Name) // before the password is asked for
		}
		password, hash, err := cmd.password(ctx, o)
		if err != nil {
			return sentence(err)
		}
		now := time.Now()
		person := store.Person{
			ID: signin.NewUniqueID(signin.PrefixPerson), Name: cmd.Name, PasswordHash: hash, Created: now, PasswordChanged: now,
		}
		if err := in.AddPerson(ctx, person); err != nil {
			return explain(err, "user "+cmd.Name)
		}
		o.note("Added %s. Next: latchkey role assign ACCOUNT ROLE %s", cmd.Name, cmd.Name)
		if cmd.Generate {
			o.line("%s", password)
		}
		return nil
	})
}

type userPasswdCmd struct {
	configFlag
	passwordFlags
	Name string `arg:"" help:"The person."`
}

func (cmd userPasswdCmd) Run(ctx context.Context, o *output) error {
	return changePerson(ctx, cmd.configFlag, cmd.Name, func(in *installation, p store.Person) error {
		password, hash, err := cmd.password(ctx, o)
		if err != nil {
			return sentence(err)
		}
		now := time.Now()
		if err := in.SetPassword(ctx, p.ID, hash, now, signin.NoticeExpiry(now)); err != nil {
			return err
		}
		o.note("Set the password of %s. Sessions and browsers that signed in with the old one end within two seconds.", p.Name)
		if cmd.Generate {
			o.line("%s", password)
		}
		return nil
	})
}

type userDisableCmd struct {
	configFlag
	Name string `arg:"" help:"The person."`
}

func (cmd userDisableCmd) Run(ctx context.Context, o *output) error {
	return changePerson(ctx, cmd.configFlag, cmd.Name, func(in *installation, p store.Person) error {
		now := time.Now()
		if err := in.DisablePerson(ctx, p.ID, now, signin.NoticeExpiry(now)); err != nil {
			return err
		}
		o.note("Disabled %s. All sessions end within two seconds. To undo: latchkey user enable %s", p.Name, p.Name)
		return nil
	})
}

type userEnableCmd struct {
	configFlag
	Name string `arg:"" help:"The person."`
}

func (cmd userEnableCmd) Run(ctx context.Context, o *output) error {
	return changePerson(ctx, cmd.configFlag, cmd.Name, func(in *installation, p store.Person) error {
		if err := in.EnablePerson(ctx, p.ID); err != nil {
			return err
		}
		o.note("Enabled %s, who signs in anew: sessions that were ended stay ended.", p.Name)
		return nil
	})
}

// changePerson opens the installation and does something to one person.
func changePerson(ctx context.Context, f configFlag, name string, do func(*installation, store.Person) error) error {
	return f.with(ctx, func(in *installation) error {
		p, err := in.PersonByName(ctx, name)
		if err != nil {
			return explain(err, "user "+name)
		}
		return do(in, p)
	})
}

type userListCmd struct {
	configFlag
	JSON bool `help:"Print JSON." name:"json"`
}

func (cmd userListCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		people, err := in.People(ctx)
		if err != nil {
			return fmt.Errorf("list people: %w", err)
		}
		type row struct {
			Name     string   `json:"name"`
			ID       string   `json:"id"`
			Disabled bool     `json:"disabled"`
			Roles    []string `json:"roles"`
		}
		rows := []row{}
		for _, p := range people {
			assignments, err := in.AssignmentsOf(ctx, p.ID)
			if err != nil {
				return fmt.Errorf("list assignments: %w", err)
			}
			r := row{Name: p.Name, ID: p.ID, Disabled: p.Disabled, Roles: []string{}}
			for _, a := range assignments {
				r.Roles = append(r.Roles, a.Role.Account+"/"+a.Role.Name)
			}
			rows = append(rows, r)
		}
		return list(o, cmd.JSON, rows, func(r row) string {
			line := r.Name + "  " + strings.Join(r.Roles, " ")
			if r.Disabled {
				line += "  (disabled)"
			}
			return line
		})
	})
}

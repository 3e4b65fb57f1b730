package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/trust"
)

type issuerCmd struct {
	Add    issuerAddCmd    `cmd:"" help:"Trust an identity provider: its tokens can be exchanged for access tokens of the account."`
	List   issuerListCmd   `cmd:"" help:"List the trusted issuers."`
	Remove issuerRemoveCmd `cmd:"" help:"Take no more tokens of an issuer. What was exchanged lives on until it expires."`
}

type issuerAddCmd struct {
	configFlag
	Account      string   `arg:"" help:"The account: 12 digits."`
	Issuer       string   `arg:"" help:"The URL of the issuer, as it is in the iss claim of its tokens."`
	Audience     string   `required:"" help:"What the aud claim of its tokens must name. Choose one that the issuer gives to nobody else." placeholder:"AUD"`
	Role         string   `help:"The role that every token gets to which no --map applies. Default: such tokens are refused." placeholder:"ROLE"`
	Map          []string `help:"Give a role to tokens with a claim, as CLAIM=VALUE:ROLE; the first that applies counts. A * at the end of VALUE stands for anything. CLAIM may be a JSON pointer." placeholder:"CLAIM=VALUE:ROLE" sep:"none"`
	Claim        []string `help:"A claim that tokens must have, as CLAIM=VALUE; repeat for more." placeholder:"CLAIM=VALUE" sep:"none"`
	Algorithm    []string `help:"An algorithm that tokens may be signed with; repeat for more. Default: RS256 and ES256." placeholder:"ALG"`
	SessionName  string   `help:"The claim that names the session. Default: sub." placeholder:"CLAIM"`
	JWKSURI      string   `help:"Where the keys of the issuer are. Default: where its discovery document says." name:"jwks-uri" placeholder:"URL"`
	AllowPrivate bool     `help:"The issuer may be on a private network or this machine."`
}

// rules returns the rules that the flags are.
func (cmd issuerAddCmd) rules() (trust.Rules, error) {
	r := trust.Rules{
		Algorithms: cmd.Algorithm, JWKSURI: cmd.JWKSURI, AllowPrivate: cmd.AllowPrivate, SessionName: cmd.SessionName,
	}
	for _, text := range cmd.Claim {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return r, usageError("--claim must be CLAIM=VALUE")
		}
		if r.Require == nil {
			r.Require = map[string]string{}
		}
		if _, twice := r.Require[name]; twice {
			return r, usageError("--claim names a claim twice")
		}
		r.Require[name] = value
	}
	for _, text := range cmd.Map {
		// A role has no colon and a value may have some, and the names of claims have no equals sign.
		i := strings.LastIndex(text, ":")
		if i < 0 {
			return r, usageError("--map must be CLAIM=VALUE:ROLE")
		}
		name, value, ok := strings.Cut(text[:i], "=")
		if !ok {
			return r, usageError("--map must be CLAIM=VALUE:ROLE")
		}
		r.Roles = append(r.Roles, trust.Mapping{Claim: name, Value: value, Role: text[i+1:]})
	}
	if cmd.Role != "" {
		r.Roles = append(r.Roles, trust.Mapping{Role: cmd.Role})
	}
	if len(r.Roles) == 0 {
		return r, usageError("give --role, --map or both: else no token has a role")
	}
	if err := r.Check(); err != nil {
		return r, usageError(err.Error())
	}
	return r, nil
}

func (cmd issuerAddCmd) Run(ctx context.Context, o *output) error {
	rules, err := cmd.rules()
	if err != nil {
		return err
	}
	if !signin.ValidAccount(cmd.Account) {
		return usageError("an account id has 12 digits, like 111122223333")
	}
	if err := trust.CheckIssuer(cmd.Issuer, cmd.AllowPrivate); err != nil {
		return usageError("the URL of the issuer: " + err.Error() + cmd.private())
	}
	if cmd.Audience == "" || len(cmd.Audience) > trust.MaxIssuer {
		return usageError(fmt.Sprintf("--audience must have 1 to %d characters", trust.MaxIssuer))
	}
	text, err := rules.Text()
	if err != nil {
		return err
	}
	t := store.TrustedIssuer{
		ID: signin.NewSessionID(time.Now()).String(), Account: cmd.Account, Issuer: cmd.Issuer, Audience: cmd.Audience, Rules: text, Created: time.Now(),
	}
	return cmd.with(ctx, func(in *installation) error {
		for _, m := range rules.Roles {
			if _, err := in.RoleByName(ctx, cmd.Account, m.Role); err != nil {
				return explain(err, "role "+m.Role+" in account "+cmd.Account)
			}
			if err := cmd.warn(ctx, in, o, m.Role); err != nil {
				return err
			}
		}
		if err := in.AddTrustedIssuer(ctx, t); errors.Is(err, store.ErrExists) {
			return errors.New("an account trusts this issuer with this audience already: latchkey issuer list shows it")
		} else if err != nil {
			return err
		}
		o.note("Account %s trusts %s. Whoever controls that issuer can be every session of these roles.", cmd.Account, cmd.Issuer)
		return nil
	})
}

// private names the flag that an issuer on this machine needs, when it is missing.
func (cmd issuerAddCmd) private() string {
	if !cmd.AllowPrivate && trust.CheckIssuer(cmd.Issuer, true) == nil {
		return ": give --allow-private"
	}
	return ""
}

// warn tells when people act as a role that an issuer gives: the sessions of both have the same names.
func (cmd issuerAddCmd) warn(ctx context.Context, in *installation, o *output, role string) error {
	people, err := in.People(ctx)
	if err != nil {
		return fmt.Errorf("list people: %w", err)
	}
	for _, p := range people {
		assigned, err := in.AssignmentsOf(ctx, p.ID)
		if err != nil {
			return fmt.Errorf("list assignments: %w", err)
		}
		for _, a := range assigned {
			if a.Role.Account == cmd.Account && a.Role.Name == role {
				o.note("Note: people act as role %s too, and resource servers that go by sub cannot tell them from sessions of this issuer with the same name. A role of its own is safer.", role)
				return nil
			}
		}
	}
	return nil
}

type issuerListCmd struct {
	configFlag
	JSON bool `help:"Print JSON." name:"json"`
}

func (cmd issuerListCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		issuers, err := in.TrustedIssuers(ctx)
		if err != nil {
			return fmt.Errorf("list issuers: %w", err)
		}
		type row struct {
			Account  string `json:"account"`
			Issuer   string `json:"issuer"`
			Audience string `json:"audience"`
			Rules    string `json:"rules"`
		}
		rows := []row{}
		for _, t := range issuers {
			rows = append(rows, row{t.Account, t.Issuer, t.Audience, t.Rules})
		}
		return list(o, cmd.JSON, rows, func(r row) string {
			return r.Account + "  " + r.Issuer + "  " + r.Audience + "  " + r.Rules
		})
	})
}

type issuerRemoveCmd struct {
	configFlag
	Account  string `arg:"" help:"The account: 12 digits."`
	Issuer   string `arg:"" help:"The URL of the issuer."`
	Audience string `required:"" help:"The audience that it is trusted with." placeholder:"AUD"`
}

func (cmd issuerRemoveCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		issuers, err := in.TrustedIssuersCalled(ctx, cmd.Issuer)
		if err != nil {
			return fmt.Errorf("find issuer: %w", err)
		}
		i := slices.IndexFunc(issuers, func(t store.TrustedIssuer) bool { return t.Account == cmd.Account && t.Audience == cmd.Audience })
		if i < 0 {
			return explain(store.ErrNotFound, "trusted issuer "+cmd.Issuer+" with audience "+cmd.Audience+" in account "+cmd.Account)
		}
		if err := in.RemoveTrustedIssuer(ctx, issuers[i].ID); err != nil {
			return err
		}
		o.note("The issuer is not trusted any more. Access tokens that were given for its tokens are good until they expire, an hour at most.")
		return nil
	})
}

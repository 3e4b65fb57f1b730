package main

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type resourceCmd struct {
	Add    resourceAddCmd    `cmd:"" help:"Register a service that access tokens of an account can be for."`
	List   resourceListCmd   `cmd:"" help:"List the resources of an account."`
	Remove resourceRemoveCmd `cmd:"" help:"Make no more tokens for a service. Those that were made live on until they expire."`
}

// resourceArgs name a resource.
type resourceArgs struct {
	Account    string `arg:"" help:"The account: 12 digits."`
	Identifier string `arg:"" help:"What clients name in resource, and what the aud claim of tokens is: a URL like https://mcp.example.com/mcp, or the host name of a service."`
}

func (a resourceArgs) String() string { return "resource " + a.Identifier + " in account " + a.Account }

type resourceAddCmd struct {
	configFlag
	resourceArgs
	Service string `help:"The name that policies know it by. Default: the host of the URL." placeholder:"NAME"`
}

func (cmd resourceAddCmd) Run(ctx context.Context, o *output) error {
	if !signin.ValidAccount(cmd.Account) {
		return usageError("an account id has 12 digits, like 111122223333")
	}
	if err := signin.CheckResource(cmd.Identifier); err != nil {
		return usageError(sentence(err).Error())
	}
	service := cmd.Service
	if service == "" {
		service = signin.ServiceOf(cmd.Identifier)
	}
	if !signin.ValidServiceName(service) {
		return usageError("the name of a service has 1 to 128 letters, digits and ._-; give one with --service")
	}
	r := store.Resource{Resource: signin.Resource{Account: cmd.Account, Identifier: cmd.Identifier, Service: service}, Created: time.Now()}
	return cmd.with(ctx, func(in *installation) error {
		if err := in.AddResource(ctx, r); err != nil {
			what := cmd.resourceArgs.String()
			if _, missing := in.AccountByID(ctx, cmd.Account); missing != nil {
				what = "account " + cmd.Account
			}
			return explain(err, what)
		}
		o.note("Added the %s. Policies allow signin:CreateOAuth2Token on:", cmd.resourceArgs)
		o.line("%s", r.ARN(in.cfg.Region))
		return cmd.warn(ctx, in, o, r)
	})
}

// warn tells when policies cannot tell r from another resource.
func (cmd resourceAddCmd) warn(ctx context.Context, in *installation, o *output, r store.Resource) error {
	all, err := in.Resources(ctx, r.Account)
	if err != nil {
		return fmt.Errorf("list resources: %w", err)
	}
	for _, other := range all {
		if other.Service == r.Service && other.Identifier != r.Identifier {
			o.note("Note: policies know %s by the same ARN, so whoever may have tokens for one may have them for both. With --service they are told apart.", other.Identifier)
			return nil
		}
	}
	return nil
}

type resourceListCmd struct {
	configFlag
	Account string `arg:"" help:"The account: 12 digits."`
	JSON    bool   `help:"Print JSON." name:"json"`
}

func (cmd resourceListCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		resources, err := in.Resources(ctx, cmd.Account)
		if err != nil {
			return fmt.Errorf("list resources: %w", err)
		}
		type row struct {
			Identifier string `json:"identifier"`
			Service    string `json:"service"`
			ARN        string `json:"arn"`
		}
		rows := []row{}
		for _, r := range resources {
			rows = append(rows, row{r.Identifier, r.Service, r.ARN(in.cfg.Region)})
		}
		return list(o, cmd.JSON, rows, func(r row) string { return r.Identifier + "  " + r.ARN })
	})
}

type resourceRemoveCmd struct {
	configFlag
	resourceArgs
}

func (cmd resourceRemoveCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		if err := in.RemoveResource(ctx, cmd.Account, cmd.Identifier); err != nil {
			return explain(err, cmd.resourceArgs.String())
		}
		o.note("Removed the %s. Tokens that were made for it are good until they expire.", cmd.resourceArgs)
		return nil
	})
}

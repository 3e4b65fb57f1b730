package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type clientCmd struct {
	Add    clientAddCmd    `cmd:"" help:"Register a confidential client."`
	List   clientListCmd   `cmd:"" help:"Show the clients that registered themselves, newest first."`
	Remove clientRemoveCmd `cmd:"" help:"Forget a client that registered itself."`
}

type clientAddCmd struct {
	configFlag
	Name        string   `arg:"" help:"Its name: 1 to 26 of a-z, 0-9 and '-'. People read it when they consent."`
	Account     string   `required:"" help:"The account of the service user that signs for it."`
	Principal   string   `help:"The service user that signs for it; made when it is missing. Default: the name of the client."`
	RedirectURI []string `required:"" name:"redirect-uri" help:"Where browsers may be sent back to; repeat for more than one." placeholder:"URI"`
}

func (cmd clientAddCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		client, err := addClient(ctx, in, cmd.Name, cmd.Account, cmd.Principal, cmd.RedirectURI, time.Now())
		if err != nil {
			return sentence(err)
		}
		o.note("Added the client. Its token requests must be signed (SigV4, service signin) by its principal.")
		if cmd.Principal == "" {
			cmd.Principal = cmd.Name
		}
		o.note("Next: latchkey key create --account %s %s", cmd.Account, cmd.Principal)
		o.line("%s", client.ID)
		return nil
	})
}

// addClient registers a confidential client, and its service user where there is none.
func addClient(ctx context.Context, in *installation, name, account, principal string, redirects []string, now time.Time) (signin.Client, error) {
	if !signin.ValidClientName(name) {
		return signin.Client{}, usageError("a client name has 1 to 26 of a-z, 0-9 and '-', and does not begin with '-'")
	}
	if principal == "" {
		principal = name
	}
	client := signin.Client{
		ID: signin.ConfidentialPrefix + name, Class: signin.Confidential, Name: name, RedirectURIs: redirects,
	}
	for _, uri := range redirects {
		if err := signin.CheckRegistration(uri); err != nil {
			return signin.Client{}, fmt.Errorf("--redirect-uri: %w", sentence(err))
		}
	}
	// Before the service user is made: a refused command leaves nothing behind.
	if _, err := in.ClientByID(ctx, client.ID); err == nil {
		return signin.Client{}, explain(store.ErrExists, "client "+name)
	}
	user, err := serviceUser(ctx, in, account, principal, policy.ExchangeToken, now)
	if err != nil {
		return signin.Client{}, err
	}
	client.Principal = user.ID
	if err := in.AddClient(ctx, client); err != nil {
		return signin.Client{}, explain(err, "client "+name)
	}
	return client, nil
}

// serviceUser returns the service user of that name, which it makes where there is none.
func serviceUser(ctx context.Context, in *installation, account, name, document string, now time.Time) (store.ServiceUser, error) {
	if !signin.ValidAccount(account) {
		return store.ServiceUser{}, usageError("an account id has 12 digits, like 111122223333")
	}
	if !signin.ValidPersonName(name) {
		return store.ServiceUser{}, usageError("the name of a service user has 2 to 64 letters, digits and _+=,.@-")
	}
	user, err := in.ServiceUserByName(ctx, account, name)
	if !errors.Is(err, store.ErrNotFound) {
		return user, err
	}
	user = store.ServiceUser{
		ID: signin.NewUniqueID(signin.PrefixPerson), Account: account, Name: name, Policy: document, Created: now,
	}
	if err := in.AddServiceUser(ctx, user); err != nil {
		return store.ServiceUser{}, explain(err, "account "+account)
	}
	return user, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type clientCmd struct {
	Add clientAddCmd `cmd:"" help:"Register a confidential client."`
}

type clientAddCmd struct {
	configFlag
	Name        string   `arg:"" help:"Its name: 1 to 26 of a-z, 0-9 and '-'. People read it when they consent."`
	Account     string   `required:"" help:"The account of the service user that signs for it."`
	Principal   string   `help:"The service user that signs for it; made when it is missing. Default: the name of the client."`
	RedirectURI []string `required:"" name:"redirect-uri" help:"Where browsers may be sent back to; repeat for more than one." placeholder:"URI"`
}

func (cmd clientAddCmd) Run(ctx context.Context, o *output) error {
	in, err := cmd.open(ctx)
	if err != nil {
		return err
	}
	defer in.Close()
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

type keyCmd struct {
	Create  keyCreateCmd  `cmd:"" help:"Create an access key of a service user, and print its secret."`
	Disable keyDisableCmd `cmd:"" help:"Refuse an access key from now on."`
}

type keyCreateCmd struct {
	configFlag
	Account string `required:"" help:"The account of the service user."`
	User    string `arg:"" help:"The service user; made when it is missing."`
	JSON    bool   `help:"Print JSON." name:"json"`
}

func (cmd keyCreateCmd) Run(ctx context.Context, o *output) error {
	in, err := cmd.open(ctx)
	if err != nil {
		return err
	}
	defer in.Close()
	now := time.Now()
	ring, err := in.ring(ctx, now)
	if err != nil {
		return err
	}
	user, err := serviceUser(ctx, in, cmd.Account, cmd.User, policy.ExchangeToken, now)
	if err != nil {
		return err
	}
	id := signin.NewUniqueID(signin.PrefixAccessKey)
	secret, err := addAccessKey(ctx, in, ring, user, id, now)
	if err != nil {
		return err
	}
	o.note("Created an access key of %s. The secret is not shown again; keep it now.", user.ARN())
	if cmd.JSON {
		return o.json(map[string]string{"AccessKeyId": id, "SecretAccessKey": secret, "UserName": user.Name})
	}
	o.line("AWS_ACCESS_KEY_ID=%s", id)
	o.line("AWS_SECRET_ACCESS_KEY=%s", secret)
	return nil
}

// addAccessKey creates the access key of that id, whose secret is derived from the ring, and returns the secret.
func addAccessKey(ctx context.Context, st store.Directory, ring *keyring.Ring, user store.ServiceUser, id string, now time.Time) (secret string, err error) {
	k := ring.AccessKeyKey()
	err = st.AddAccessKey(ctx, store.AccessKey{ID: id, User: user.ID, RingKey: k.ID(), Created: now})
	return credential.LongLivedSecret(k, id), err
}

type keyDisableCmd struct {
	configFlag
	ID string `arg:"" help:"The access key id, AKIA…"`
}

func (cmd keyDisableCmd) Run(ctx context.Context, o *output) error {
	in, err := cmd.open(ctx)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := in.DisableAccessKey(ctx, cmd.ID); err != nil {
		return explain(err, "access key of that id")
	}
	o.note("The access key is refused from now on.")
	return nil
}

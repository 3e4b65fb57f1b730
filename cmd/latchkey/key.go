package main

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type keyCmd struct {
	Create  keyCreateCmd  `cmd:"" help:"Create an access key of a service user, and print its secret."`
	Disable keyDisableCmd `cmd:"" help:"Refuse an access key from now on."`
}

type keyCreateCmd struct {
	configFlag
	Account string `required:"" help:"The account of the service user."`
	User    string `arg:"" help:"The service user; made when it is missing."`
	Policy  string `help:"File with the IAM policy that the service user is made with. Default: it may be the principal of confidential clients." type:"existingfile"`
	JSON    bool   `help:"Print JSON." name:"json"`
}

func (cmd keyCreateCmd) Run(ctx context.Context, o *output) error {
	document := policy.ExchangeToken
	if cmd.Policy != "" {
		var err error
		if document, _, err = readPolicy(cmd.Policy); err != nil {
			return err
		}
	}
	return cmd.with(ctx, func(in *installation) error {
		now := time.Now()
		ring, err := in.ring(ctx, now)
		if err != nil {
			return err
		}
		_, err = in.ServiceUserByName(ctx, cmd.Account, cmd.User)
		missing := errors.Is(err, store.ErrNotFound)
		if !missing && cmd.Policy != "" {
			return usageError("there is a service user of that name already, and --policy is for one that is made: leave it out, or attach a policy with latchkey policy attach")
		}
		user, err := serviceUser(ctx, in, cmd.Account, cmd.User, document, now)
		if err != nil {
			return err
		}
		if missing {
			o.note("Made the service user %s in account %s.", cmd.User, cmd.Account)
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
	})
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
	return cmd.with(ctx, func(in *installation) error {
		if err := in.DisableAccessKey(ctx, cmd.ID); err != nil {
			return explain(err, "access key of that id")
		}
		o.note("The access key is refused from now on.")
		return nil
	})
}

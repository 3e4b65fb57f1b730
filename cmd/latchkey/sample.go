package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/identity"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// What the sample of a development server is called.
const (
	sampleAccount  = "111122223333"
	samplePerson   = "alice"
	sampleClient   = "sample-app"
	sampleRedirect = "http://127.0.0.1/callback"
	// sampleKey is always the same, and its secret is not, so that a server started again prints the same pair.
	sampleKey = "AKIASAMPLESAMPLESAMP"
	// sampleResource is the MCP server of examples/mcp-server.
	sampleResource = "http://127.0.0.1:9000/mcp"
)

// samplePolicy lets the sample roles sign in from CLI and SDKs, and have tokens for every resource.
const samplePolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],` +
	`"Resource":["arn:aws:signin:*:*:oauth2/public-client/*","arn:aws:signin:*:*:oauth2/confidential-client/*","arn:aws:signin:*:*:service-principal/*"]}]}`

// sampleClientPolicy lets the sample service user be the principal of its client, have tokens for every resource, and ask about
// and end those of others.
const sampleClientPolicy = `{"Version":"2012-10-17","Statement":[` +
	`{"Effect":"Allow","Action":"signin:ExchangeToken","Resource":"arn:aws:signin:*:*:oauth2/confidential-client/*"},` +
	`{"Effect":"Allow","Action":"signin:CreateOAuth2Token","Resource":"arn:aws:signin:*:*:service-principal/*"},` +
	`{"Effect":"Allow","Action":["signin:IntrospectOAuth2Token","signin:RevokeOAuth2Token"],"Resource":"*"}]}`

var sampleRoles = []string{"Developer", "ReadOnly"}

// sample is what a person needs to know of it.
type sample struct {
	password        string // empty when it was made at an earlier start
	clientID        string
	secretAccessKey string
}

// addSample makes the sample account where there is none, and an access key of the sample client.
func addSample(ctx context.Context, in *installation, now time.Time) (sample, error) {
	s := sample{clientID: signin.ConfidentialPrefix + sampleClient}
	_, err := in.PersonByName(ctx, samplePerson)
	if errors.Is(err, store.ErrNotFound) {
		s.password = generatePassword()
		err = addSampleDirectory(ctx, in, s.password, now)
	}
	if err != nil {
		return sample{}, err
	}
	user, err := in.ServiceUserByName(ctx, sampleAccount, sampleClient)
	if err != nil {
		return sample{}, err
	}
	ring, err := in.ring(ctx, now)
	if err != nil {
		return sample{}, err
	}
	s.secretAccessKey, err = addAccessKey(ctx, in, ring, user, sampleKey, now)
	if errors.Is(err, store.ErrExists) {
		err = nil // of an earlier start; its secret is derived from the same ring
	}
	return s, err
}

// addSampleDirectory makes the account, the roles, the client, and last the person, whose presence says that all is there.
func addSampleDirectory(ctx context.Context, in *installation, password string, now time.Time) error {
	hash, err := identity.HashPassword(password)
	if err != nil {
		return err
	}
	err = in.AddAccount(ctx, store.Account{ID: sampleAccount, Name: "Sample", Created: now})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return err
	}
	resource := signin.Resource{Account: sampleAccount, Identifier: sampleResource, Service: signin.ServiceOf(sampleResource)}
	if err := in.AddResource(ctx, store.Resource{Resource: resource, Created: now}); err != nil && !errors.Is(err, store.ErrExists) {
		return err
	}
	if _, err := serviceUser(ctx, in, sampleAccount, sampleClient, sampleClientPolicy, now); err != nil {
		return err
	}
	var roles []store.Role
	for _, name := range sampleRoles {
		role := store.Role{
			ID: signin.NewUniqueID(signin.PrefixRole), Account: sampleAccount, Name: name, Policy: samplePolicy, Created: now,
		}
		if err := in.AddRole(ctx, role); errors.Is(err, store.ErrExists) {
			if role, err = in.RoleByName(ctx, sampleAccount, name); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
		roles = append(roles, role)
	}
	if _, err := in.ClientByID(ctx, signin.ConfidentialPrefix+sampleClient); errors.Is(err, store.ErrNotFound) {
		if _, err := addClient(ctx, in, sampleClient, sampleAccount, "", []string{sampleRedirect}, now); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	person := store.Person{
		ID: signin.NewUniqueID(signin.PrefixPerson), Name: samplePerson, PasswordHash: hash, Created: now, PasswordChanged: now,
	}
	if err := in.AddPerson(ctx, person); err != nil {
		return err
	}
	for _, role := range roles {
		if err := in.Assign(ctx, person.ID, role.ID); err != nil {
			return err
		}
	}
	return nil
}

// print tells what to type next.
func (s sample) print(o *output, cfg config.Config, cmd devCmd) {
	base := cfg.BaseURLs[0]
	o.line("Latchkey for development. It is reachable from this computer only; do not use it for anything real.")
	o.line("")
	o.line("  address    %s", base)
	o.line("  person     %s", samplePerson)
	switch {
	case cmd.AutoApprove:
		o.line("  password   not needed: %s is signed in without pages", samplePerson)
	case s.password == "":
		o.line("  password   as printed at the first start; to set another:")
		o.line("             latchkey user passwd %s --config %s/%s", samplePerson, cfg.Data, configFile)
	default:
		o.line("  password   %s", s.password)
	}
	o.line("  account    %s with the roles %s and %s", sampleAccount, sampleRoles[0], sampleRoles[1])
	o.line("")
	o.line("In another terminal:")
	o.line("")
	o.line("  export AWS_ENDPOINT_URL_SIGNIN=%s", base)
	o.line("  export AWS_ENDPOINT_URL_STS=%s", base)
	o.line("  export AWS_REGION=%s AWS_DEFAULT_REGION=%s", cfg.Region, cfg.Region)
	o.line("  aws login                     # AWS CLI 2.32 or newer; --remote when the browser is on another device")
	o.line("  aws sts get-caller-identity")
	o.line("")
	o.line("A confidential client, whose token requests are signed with SigV4 (service signin):")
	o.line("")
	o.line("  client id                %s", s.clientID)
	o.line("  redirect URI             %s, on any port", sampleRedirect)
	o.line("  AWS_ACCESS_KEY_ID        %s", sampleKey)
	o.line("  AWS_SECRET_ACCESS_KEY    %s", s.secretAccessKey)
	o.line("")
	o.line("A resource that access tokens can be for, like those of MCP clients (see examples/mcp-server):")
	o.line("")
	o.line("  %s", sampleResource)
	o.line("")
	o.line("Administration, which works while this server runs (%s --help lists the commands):", os.Args[0])
	o.line("")
	o.line("  export LATCHKEY_CONFIG=%s/%s", cfg.Data, configFile)
	o.line("  %s user list", os.Args[0])
	o.line("")
	if cmd.Data == "" {
		o.line("Stop with Ctrl-C. Everything is gone then, clients that registered themselves too; --data DIR keeps it.")
	} else {
		o.line("Stop with Ctrl-C.")
	}
	o.line("")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type policySimulateCmd struct {
	configFlag
	Action   string `arg:"" help:"What would be done, like signin:CreateOAuth2Token."`
	Resource string `arg:"" optional:"" default:"*" help:"ARN of what it would be done on. Default: *, as actions have that are about no resource."`

	User        string   `help:"The person; with --role." placeholder:"NAME"`
	Role        string   `help:"The role that the person acts as. Without --user: somebody whom a trusted issuer vouches for." placeholder:"ACCOUNT/NAME"`
	ServiceUser string   `help:"A service user, instead." placeholder:"ACCOUNT/NAME"`
	Client      string   `help:"ARN of a client that takes part: no statement may deny the action on it." placeholder:"ARN"`
	Key         []string `help:"A condition key of the request; repeat for more keys, or more values of one. It stands for what is known otherwise." placeholder:"NAME=VALUE" sep:"none"`
	SourceIP    string   `help:"Address that the request comes from: aws:SourceIp." name:"source-ip" placeholder:"ADDRESS"`

	PolicyFile        []string `help:"File with a policy that would be attached to the principal; without a principal, no installation is needed. Repeat for more." sep:"none" placeholder:"FILE"`
	AccountPolicyFile []string `help:"File with a policy that would be attached to the account." sep:"none" placeholder:"FILE"`
	SessionPolicyFile []string `help:"File with a policy that narrows the session." sep:"none" placeholder:"FILE"`

	JSON bool `help:"Print JSON." name:"json"`
}

// simulation is a question with all that bears on it, and what each document is called.
type simulation struct {
	permit.Bearing
	names map[policy.Layer][]string
}

func (s *simulation) add(layer policy.Layer, name string, d policy.Document) {
	to := map[policy.Layer]*[]policy.Document{
		policy.IdentityLayer: &s.Policies.Identity, policy.GuardrailLayer: &s.Policies.Guardrails,
		policy.SessionLayer: &s.Policies.Session, policy.ResourceLayer: &s.Policies.Resource,
	}[layer]
	*to, s.names[layer] = append(*to, d), append(s.names[layer], name)
}

func (cmd policySimulateCmd) Run(ctx context.Context, o *output) error {
	ask, err := cmd.ask(time.Now())
	if err != nil {
		return err
	}
	nobody := cmd.User == "" && cmd.Role == "" && cmd.ServiceUser == ""
	switch {
	case cmd.ServiceUser != "" && (cmd.User != "" || cmd.Role != ""):
		return usageError("give --service-user, or --role with or without --user, and not both")
	case cmd.User != "" && cmd.Role == "":
		return usageError("--user needs --role: a person does everything as a role")
	case nobody && len(cmd.PolicyFile) == 0:
		return usageError("say who it is about, with --user and --role or with --service-user, or give documents with --policy-file")
	}
	if nobody {
		return cmd.finish(o, simulation{permit.New(nil, "").OnNobody(ask), map[policy.Layer][]string{}})
	}
	return cmd.with(ctx, func(in *installation) error {
		s, err := cmd.find(ctx, in, o, ask)
		if err != nil {
			return err
		}
		return cmd.finish(o, s)
	})
}

// ask returns the question of the flags.
func (cmd policySimulateCmd) ask(now time.Time) (permit.Ask, error) {
	ask := permit.Ask{Action: cmd.Action, Resource: cmd.Resource, Undenied: cmd.Client, Now: now}
	if service, name, ok := strings.Cut(cmd.Action, ":"); !ok || service == "" || name == "" || strings.ContainsAny(cmd.Action, "*?") {
		return ask, usageError("the action must be a single one, like signin:CreateOAuth2Token")
	}
	if cmd.Resource != "*" && !strings.HasPrefix(cmd.Resource, "arn:") || cmd.Client != "" && !strings.HasPrefix(cmd.Client, "arn:") {
		return ask, usageError("a resource must be an ARN, like arn:aws:signin:us-east-1:111122223333:oauth2/public-client/localhost, or *")
	}
	for _, text := range cmd.Key {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return ask, usageError("--key must be NAME=VALUE")
		}
		same := func(k policy.Key) bool { return strings.EqualFold(k.Name, name) }
		if i := slices.IndexFunc(ask.Keys, same); i >= 0 {
			ask.Keys[i].Values = append(ask.Keys[i].Values, value)
			continue
		}
		ask.Keys = append(ask.Keys, policy.Key{Name: name, Values: []string{value}})
	}
	if cmd.SourceIP != "" {
		address, err := netip.ParseAddr(cmd.SourceIP)
		if err != nil {
			return ask, usageError("--source-ip must be an address, like 203.0.113.9")
		}
		ask.Network.SourceIP = address
	}
	return ask, nil
}

// find returns what bears on the principal of the flags.
func (cmd policySimulateCmd) find(ctx context.Context, in *installation, o *output, ask permit.Ask) (simulation, error) {
	if cmd.ServiceUser != "" {
		account, name, err := inAccount("--service-user", cmd.ServiceUser)
		if err != nil {
			return simulation{}, err
		}
		u, err := in.ServiceUserByName(ctx, account, name)
		if err != nil {
			return simulation{}, explain(err, "service user "+cmd.ServiceUser)
		}
		b, err := in.judge().OnServiceUser(ctx, u, ask)
		return in.named(ctx, b, err, "service user "+cmd.ServiceUser, "")
	}
	account, name, err := inAccount("--role", cmd.Role)
	if err != nil {
		return simulation{}, err
	}
	role, err := in.RoleByName(ctx, account, name)
	if err != nil {
		return simulation{}, explain(err, "role "+cmd.Role)
	}
	if cmd.User == "" {
		b, err := in.judge().OnRole(ctx, role, "simulation", ask)
		return in.named(ctx, b, err, "role "+cmd.Role, "")
	}
	p, err := in.PersonByName(ctx, cmd.User)
	if err != nil {
		return simulation{}, explain(err, "user "+cmd.User)
	}
	if err := cmd.remark(ctx, in, o, p, role); err != nil {
		return simulation{}, err
	}
	b, err := in.judge().OnPrincipal(ctx, signin.Principal{Account: account, Role: name, RoleID: role.ID, Person: p.Name, PersonID: p.ID}, ask)
	s, err := in.named(ctx, b, err, "role "+cmd.Role, p.ID)
	if err != nil {
		return s, err
	}
	if !heldToPerimeter(ask) {
		return s, nil
	}
	if err := in.addPerimeter(ctx, &s, account); err != nil {
		return s, err
	}
	if len(s.Policies.Resource) > 0 && !ask.Network.SourceIP.IsValid() {
		o.note("Note: permission statements of the account take effect; without --source-ip, the request comes from nowhere that they name.")
	}
	return s, nil
}

// heldToPerimeter tells whether permission statements count: they do for people who sign in and refresh, and not for what they sign
// with credentials that they have, such as client credentials (docs/perimeter.md).
func heldToPerimeter(ask permit.Ask) bool {
	for _, k := range ask.Keys {
		if strings.EqualFold(k.Name, "signin:OAuthGrantType") {
			return slices.Contains(k.Values, signin.GrantAuthorizationCode) || slices.Contains(k.Values, signin.GrantRefreshToken)
		}
	}
	return true
}

// remark tells what no policy says, and keeps the person out of the role nevertheless.
func (cmd policySimulateCmd) remark(ctx context.Context, in *installation, o *output, p store.Person, role store.Role) error {
	if p.Disabled {
		o.note("Note: %s is disabled, and cannot sign in whatever policies say.", p.Name)
	}
	assigned, err := in.AssignmentsOf(ctx, p.ID)
	if err != nil {
		return fmt.Errorf("list assignments: %w", err)
	}
	if !slices.ContainsFunc(assigned, func(a store.Assignment) bool { return a.Role.ID == role.ID }) {
		o.note("Note: %s does not act as role %s, whatever policies say, until latchkey role assign %s %s %s.", p.Name, cmd.Role, role.Account, role.Name, p.Name)
	}
	return nil
}

// named gives the documents of b names. own is the role or service user that has one itself, and personID the person whose
// groups count, or empty.
func (i *installation) named(ctx context.Context, b permit.Bearing, err error, own, personID string) (simulation, error) {
	if f, ok := errors.AsType[*signin.Fault](err); ok {
		if f.Err != nil { // what is wrong with the document
			return simulation{}, fmt.Errorf("%s (%w)", f.Message, f.Err)
		}
		return simulation{}, sentence(err)
	}
	if err != nil {
		return simulation{}, err
	}
	var groups []store.Group
	if personID != "" {
		if groups, err = i.GroupsOf(ctx, personID); err != nil {
			return simulation{}, fmt.Errorf("list groups: %w", err)
		}
	}
	s := simulation{b, map[policy.Layer][]string{}}
	for layer, origins := range map[policy.Layer][]permit.Origin{policy.IdentityLayer: b.Identity, policy.GuardrailLayer: b.Guardrails} {
		for _, from := range origins {
			s.names[layer] = append(s.names[layer], originName(from, own, groups))
		}
	}
	return s, nil
}

func originName(from permit.Origin, own string, groups []store.Group) string {
	if from.Policy == "" {
		return "the policy of " + own
	}
	to := own
	switch from.Target.Kind {
	case store.ToPerson:
		to = "the person"
	case store.ToAccount:
		to = "account " + from.Target.ID
	case store.ToGroup:
		to = "a group of the person"
		if i := slices.IndexFunc(groups, func(g store.Group) bool { return g.ID == from.Target.ID }); i >= 0 {
			to = "group " + groups[i].Name
		}
	}
	return from.Policy + ", attached to " + to
}

// addPerimeter adds the permission statements of the account, where they take effect.
func (i *installation) addPerimeter(ctx context.Context, s *simulation, account string) error {
	kept, err := i.EffectiveStatements(ctx)
	if err != nil {
		return fmt.Errorf("list permission statements: %w", err)
	}
	for _, k := range kept {
		if k.Account != account {
			continue
		}
		name := "permission statement " + k.ID + " of the account"
		p, unreadable := perimeter.PolicyOf(k)
		if unreadable != nil {
			name += ", which cannot be read"
		}
		d, err := policy.ParseResource(p.Text())
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.add(policy.ResourceLayer, name, d)
	}
	return nil
}

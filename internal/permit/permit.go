// Package permit decides whether a caller may do something: a principal and a question go in, nil or the fault that says
// what is missing comes out. It joins what package policy decides with where policies are: those of a role and of a service user,
// and what is attached to them, to people, to their groups and to accounts.
//
// What policies say is asked of the store, and believed for a second: a change is heeded within that, and also ends the
// sessions that relied on it, by a notice.
package permit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Ask is one question.
type Ask struct {
	Action   string // e.g. signin:CreateOAuth2Token
	Resource string // an ARN
	// Undenied is the ARN of something else that takes part, such as a client: no statement may deny the action on it, but
	// none need allow it. Empty: there is no such thing.
	Undenied string
	// Keys are those that the operation knows of, such as signin:OAuthGrantType. The global ones are added.
	Keys    []policy.Key
	Network signin.Network
	Now     time.Time
}

// Judge decides. It is safe for concurrent use.
type Judge struct {
	source store.Policies
	region string
	cache  cache
}

// New returns a Judge that finds policies in source; region is what aws:RequestedRegion says.
func New(source store.Policies, region string) *Judge {
	return &Judge{source: source, region: region, cache: cache{entries: map[string]entry{}}}
}

// Principal returns nil when the person may do what is asked as the role, else a PermissionMissing fault.
func (j *Judge) Principal(ctx context.Context, p signin.Principal, ask Ask) error {
	policies, err := j.cache.get("principal/"+p.PersonID+"/"+p.RoleID, ask.Now, func() (policy.Policies, error) {
		role, attached, err := j.source.PoliciesOfPrincipal(ctx, p.PersonID, p.RoleID)
		if errors.Is(err, store.ErrNotFound) {
			return policy.Policies{}, signin.Refuse(signin.PermissionMissing, "The role %s in account %s, or the person, is no longer there. Ask the administrator.", p.Role, p.Account)
		}
		if err != nil {
			return policy.Policies{}, fmt.Errorf("find policies of a principal: %w", err)
		}
		return compile(role.Policy, attached)
	})
	if err != nil {
		return err
	}
	return j.decide(policies, ask, who{
		arn: RoleARN(p), account: p.Account, kind: "AssumedRole", userID: p.UserID(), userName: p.Person, name: "the role " + p.Role + " in account " + p.Account,
	})
}

// RoleARN is what aws:PrincipalArn says of a session: the ARN of its role, as with AWS.
func RoleARN(p signin.Principal) string { return p.RoleARN() }

// Role is Principal for somebody whom another issuer vouches for: only the policies of the role and of the account bear on
// them. session is the role session name.
func (j *Judge) Role(ctx context.Context, role store.Role, session string, ask Ask) error {
	policies, err := j.cache.get("role/"+role.ID, ask.Now, func() (policy.Policies, error) {
		attached, err := j.source.AttachedTo(ctx, store.Target{Kind: store.ToRole, ID: role.ID}, store.Target{Kind: store.ToAccount, ID: role.Account})
		if err != nil {
			return policy.Policies{}, fmt.Errorf("find policies of a role: %w", err)
		}
		return compile(role.Policy, attached)
	})
	if err != nil {
		return err
	}
	return j.decide(policies, ask, who{
		arn: "arn:aws:iam::" + role.Account + ":role/" + role.Name, account: role.Account, kind: "AssumedRole",
		userID: role.ID + ":" + session, name: "the role " + role.Name + " in account " + role.Account,
	})
}

// ServiceUser returns nil when the service user may do what is asked, else a PermissionMissing fault.
func (j *Judge) ServiceUser(ctx context.Context, u store.ServiceUser, ask Ask) error {
	policies, err := j.cache.get("user/"+u.ID, ask.Now, func() (policy.Policies, error) {
		attached, err := j.source.AttachedTo(ctx, store.Target{Kind: store.ToServiceUser, ID: u.ID}, store.Target{Kind: store.ToAccount, ID: u.Account})
		if err != nil {
			return policy.Policies{}, fmt.Errorf("find policies of a service user: %w", err)
		}
		return compile(u.Policy, attached)
	})
	if err != nil {
		return err
	}
	return j.decide(policies, ask, who{
		arn: u.ARN(), account: u.Account, kind: "User", userID: u.ID, userName: u.Name, name: "the service user " + u.Name + " in account " + u.Account,
	})
}

// Caller is Principal or ServiceUser, whichever signed.
func (j *Judge) Caller(ctx context.Context, c caller.Caller, ask Ask) error {
	if c.User != nil {
		return j.ServiceUser(ctx, *c.User, ask)
	}
	return j.Principal(ctx, c.Session.Principal, ask)
}

// who is the principal of a question, as condition keys and messages name it.
type who struct{ arn, account, kind, userID, userName, name string }

func (j *Judge) decide(policies policy.Policies, ask Ask, w who) error {
	q := policy.Query{Action: ask.Action, Resource: ask.Resource, Principal: w.arn, Keys: j.keys(ask, w)}
	d := policies.Decide(q)
	if ask.Undenied != "" && d.Allowed {
		q.Resource = ask.Undenied
		if on := policies.Decide(q); on.Denied {
			d, ask.Resource = on, ask.Undenied
		}
	}
	switch {
	case d.Allowed:
		return nil
	case d.Denied:
		return signin.Refuse(signin.PermissionMissing, "A policy of %s denies %s on %s. Ask the administrator; latchkey policy simulate shows which statement.", w.name, ask.Action, ask.Resource)
	case d.Layer == policy.GuardrailLayer:
		return signin.Refuse(signin.PermissionMissing, "No policy of account %s allows %s on %s. Ask the administrator.", w.account, ask.Action, ask.Resource)
	}
	return signin.Refuse(signin.PermissionMissing, "No policy of %s allows %s on %s. Ask the administrator.", w.name, ask.Action, ask.Resource)
}

// keys adds the global condition keys (IAM user guide, "AWS global condition context keys") to those of the operation.
func (j *Judge) keys(ask Ask, w who) []policy.Key {
	keys := make([]policy.Key, 0, len(ask.Keys)+14)
	add := func(name, value string) {
		if value != "" {
			keys = append(keys, policy.Key{Name: name, Values: []string{value}})
		}
	}
	keys = append(keys, ask.Keys...)
	add("aws:PrincipalArn", w.arn)
	add("aws:PrincipalAccount", w.account)
	add("aws:PrincipalType", w.kind)
	add("aws:userid", w.userID)
	add("aws:username", w.userName)
	add("aws:ResourceAccount", w.account)
	add("aws:RequestedRegion", j.region)
	add("aws:CurrentTime", ask.Now.UTC().Format(time.RFC3339))
	add("aws:EpochTime", strconv.FormatInt(ask.Now.Unix(), 10))
	return append(keys, NetworkKeys(ask.Network)...)
}

// NetworkKeys returns what the global condition keys about the network say of n.
func NetworkKeys(n signin.Network) []policy.Key {
	keys := make([]policy.Key, 0, 4)
	if n.SourceIP.IsValid() {
		keys = append(keys, policy.Key{Name: "aws:SourceIp", Values: []string{n.SourceIP.String()}})
	}
	if n.VPC != "" {
		keys = append(keys, policy.Key{Name: "aws:SourceVpc", Values: []string{n.VPC}})
	}
	if n.VPCEndpoint != "" {
		keys = append(keys, policy.Key{Name: "aws:SourceVpce", Values: []string{n.VPCEndpoint}})
	}
	if n.VPCSourceIP.IsValid() {
		keys = append(keys, policy.Key{Name: "aws:VpcSourceIp", Values: []string{n.VPCSourceIP.String()}})
	}
	return keys
}

// compile reads the document of a principal itself and what is attached. One that cannot be read lets nobody in: it might
// have denied.
func compile(own string, attached []store.Attached) (policy.Policies, error) {
	var p policy.Policies
	documents := make([]string, 0, 1+len(attached))
	for _, a := range attached {
		document := a.Document
		if document == "" {
			var ok bool
			if document, ok = policy.ManagedByARN(a.Policy); !ok {
				return p, signin.Refuse(signin.PermissionMissing, "The policy %s is attached, but there is no such policy in this version. Ask the administrator.", a.Policy)
			}
		}
		if a.Target.Kind != store.ToAccount {
			documents = append(documents, document)
			continue
		}
		d, err := read(document)
		if err != nil {
			return p, err
		}
		p.Guardrails = append(p.Guardrails, d)
	}
	for _, document := range append(documents, own) {
		d, err := read(document)
		if err != nil {
			return p, err
		}
		p.Identity = append(p.Identity, d)
	}
	return p, nil
}

func read(document string) (policy.Document, error) {
	d, err := policy.Parse(document)
	if err != nil {
		return d, signin.RefuseBecause(err, signin.PermissionMissing, "A policy that applies here cannot be read, so nothing is allowed by any. Ask the administrator.")
	}
	return d, nil
}

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
	"net/netip"
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
	// One of them that has the name of a global one stands for it.
	Keys    []policy.Key
	Network signin.Network
	Now     time.Time
	// AsOf is the number of the newest notice that was heard before, where the answer is for more than this moment: who
	// gives out something that only a later notice ends, such as a code, must not rely on policies of before.
	AsOf int64
	// Ahead asks about a later request that may come from anywhere: Network is not of it, and conditions on the network count
	// as they let in.
	Ahead bool
}

// Judge decides. It is safe for concurrent use.
type Judge struct {
	source store.Policies
	region string
	cache  *cache
}

// New returns a Judge that finds policies in source; region is what aws:RequestedRegion says.
func New(source store.Policies, region string) *Judge {
	return &Judge{source: source, region: region, cache: newCache()}
}

// Principal returns nil when the person may do what is asked as the role, else a PermissionMissing fault.
func (j *Judge) Principal(ctx context.Context, p signin.Principal, ask Ask) error {
	w, found, err := j.ofPrincipal(ctx, p, ask)
	if err != nil {
		return err
	}
	return j.decide(found, ask, w)
}

func (j *Judge) ofPrincipal(ctx context.Context, p signin.Principal, ask Ask) (who, findings, error) {
	found, err := j.cache.get("principal/"+p.PersonID+"/"+p.RoleID, ask, func() (findings, error) {
		role, attached, err := j.source.PoliciesOfPrincipal(ctx, p.PersonID, p.RoleID)
		if errors.Is(err, store.ErrNotFound) {
			return findings{}, signin.Refuse(signin.PermissionMissing, "The role %s in account %s, or the person, is no longer there. Ask the administrator.", p.Role, p.Account)
		}
		if err != nil {
			return findings{}, fmt.Errorf("find policies of a principal: %w", err)
		}
		return j.compile(store.Target{Kind: store.ToRole, ID: role.ID}, role.Policy, attached)
	})
	return who{
		arn: p.RoleARN(), account: p.Account, kind: "AssumedRole", userID: p.UserID(), userName: p.Person, name: "the role " + p.Role + " in account " + p.Account,
	}, found, err
}

// Role is Principal for somebody whom another issuer vouches for: only the policies of the role and of the account bear on
// them. session is the role session name.
func (j *Judge) Role(ctx context.Context, role store.Role, session string, ask Ask) error {
	w, found, err := j.ofRole(ctx, role, session, ask)
	if err != nil {
		return err
	}
	return j.decide(found, ask, w)
}

func (j *Judge) ofRole(ctx context.Context, role store.Role, session string, ask Ask) (who, findings, error) {
	own := store.Target{Kind: store.ToRole, ID: role.ID}
	found, err := j.attachedTo(ctx, "role/"+role.ID, own, role.Account, role.Policy, ask)
	return who{
		arn: signin.Principal{Account: role.Account, Role: role.Name}.RoleARN(), account: role.Account, kind: "AssumedRole",
		userID: role.ID + ":" + session, name: "the role " + role.Name + " in account " + role.Account,
	}, found, err
}

// ServiceUser returns nil when the service user may do what is asked, else a PermissionMissing fault.
func (j *Judge) ServiceUser(ctx context.Context, u store.ServiceUser, ask Ask) error {
	w, found, err := j.ofServiceUser(ctx, u, ask)
	if err != nil {
		return err
	}
	return j.decide(found, ask, w)
}

func (j *Judge) ofServiceUser(ctx context.Context, u store.ServiceUser, ask Ask) (who, findings, error) {
	own := store.Target{Kind: store.ToServiceUser, ID: u.ID}
	found, err := j.attachedTo(ctx, "user/"+u.ID, own, u.Account, u.Policy, ask)
	return who{
		arn: u.ARN(), account: u.Account, kind: "User", userID: u.ID, userName: u.Name, name: "the service user " + u.Name + " in account " + u.Account,
	}, found, err
}

// attachedTo returns the document of target itself, and what is attached to it and to its account.
func (j *Judge) attachedTo(ctx context.Context, key string, target store.Target, account, document string, ask Ask) (findings, error) {
	return j.cache.get(key, ask, func() (findings, error) {
		attached, err := j.source.AttachedTo(ctx, target, store.Target{Kind: store.ToAccount, ID: account})
		if err != nil {
			return findings{}, fmt.Errorf("find policies of a %s: %w", target.Kind, err)
		}
		return j.compile(target, document, attached)
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

func (j *Judge) decide(found findings, ask Ask, w who) error {
	b := j.bearing(found, ask, w)
	d, resource := b.Decide()
	switch {
	case d.Allowed:
		return nil
	case d.Denied:
		return signin.Refuse(signin.PermissionMissing, "A policy of %s denies %s on %s. Ask the administrator; latchkey policy simulate shows which statement.", w.name, ask.Action, resource)
	case d.Layer == policy.GuardrailLayer:
		return signin.Refuse(signin.PermissionMissing, "No policy of account %s allows %s on %s. Ask the administrator.", w.account, ask.Action, resource)
	}
	return signin.Refuse(signin.PermissionMissing, "No policy of %s allows %s on %s. Ask the administrator.", w.name, ask.Action, resource)
}

func (j *Judge) query(ask Ask, w who) policy.Query {
	q := policy.Query{Action: ask.Action, Resource: ask.Resource, Principal: w.arn, Keys: j.keys(ask, w)}
	if ask.Ahead {
		q.Unknown = networkKeys
	}
	return q
}

// keys adds the global condition keys (IAM user guide, "AWS global condition context keys") to those of the operation.
func (j *Judge) keys(ask Ask, w who) []policy.Key {
	keys := make([]policy.Key, 0, len(ask.Keys)+13)
	keys = append(keys, ask.Keys...)
	global := [...]struct{ name, value string }{
		{"aws:PrincipalArn", w.arn},
		{"aws:PrincipalAccount", w.account},
		{"aws:PrincipalType", w.kind},
		{"aws:userid", w.userID},
		{"aws:username", w.userName},
		{"aws:ResourceAccount", w.account},
		{"aws:RequestedRegion", j.region},
		{"aws:CurrentTime", ask.Now.UTC().Format(time.RFC3339)},
		{"aws:EpochTime", strconv.FormatInt(ask.Now.Unix(), 10)},
	}
	values := make([]string, len(global)) // of all of them, in one piece
	for i, g := range global {
		if values[i] = g.value; g.value != "" {
			keys = append(keys, policy.Key{Name: g.name, Values: values[i : i+1 : i+1]})
		}
	}
	return append(keys, NetworkKeys(ask.Network)...)
}

// networkKeys are the names of NetworkKeys.
var networkKeys = []string{"aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp"}

// NetworkKeys returns what the global condition keys about the network say of n.
func NetworkKeys(n signin.Network) []policy.Key {
	keys := make([]policy.Key, 0, 4)
	if n.SourceIP.IsValid() {
		keys = append(keys, policy.Key{Name: "aws:SourceIp", Values: []string{address(n.SourceIP)}})
	}
	if n.VPC != "" {
		keys = append(keys, policy.Key{Name: "aws:SourceVpc", Values: []string{n.VPC}})
	}
	if n.VPCEndpoint != "" {
		keys = append(keys, policy.Key{Name: "aws:SourceVpce", Values: []string{n.VPCEndpoint}})
	}
	if n.VPCSourceIP.IsValid() {
		keys = append(keys, policy.Key{Name: "aws:VpcSourceIp", Values: []string{address(n.VPCSourceIP)}})
	}
	return keys
}

// address writes an address as policies compare it. The zone of a link-local one says over which interface it came, and is not
// part of it.
func address(a netip.Addr) string { return a.Unmap().WithZone("").String() }

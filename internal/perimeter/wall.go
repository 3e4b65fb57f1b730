package perimeter

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Phase is when a person is looked at.
type Phase int

// The phases (AWS Sign-In, resource-based policies).
const (
	Before Phase = iota // before authentication: signin:Authenticate
	After               // after it: signin:AuthorizeOAuth2Access, signin:CreateOAuth2Token
)

// Reload is how often statements are loaded although no notice asked for it.
const Reload = time.Minute

// Wall holds the statements of all accounts where console authorization is on. It is safe for concurrent use.
type Wall struct {
	source store.Perimeter
	region string
	limit  time.Duration
	state  atomic.Pointer[state]
}

// state is what was loaded at one time.
type state struct {
	loaded   time.Time
	heard    uint64
	accounts map[string]policy.Policies
}

// Open returns a Wall with the statements of source. region is what aws:RequestedRegion is; limit is how long nothing may
// have been loaded before Check refuses everybody; 0: for ever.
func Open(ctx context.Context, source store.Perimeter, region string, limit time.Duration, now time.Time) (*Wall, error) {
	w := &Wall{source: source, region: region, limit: limit}
	if _, err := w.load(ctx, 0, now); err != nil {
		return nil, err
	}
	return w, nil
}

// Maintain loads the statements when heard, which counts the notices that asked for it, is another than at the last time, and
// once a minute in any case. When that fails, what was loaded before holds, and the next call tries again. It also fails for
// a statement that cannot be read, once it has closed the account of that.
func (w *Wall) Maintain(ctx context.Context, heard uint64, now time.Time) error {
	s := w.state.Load()
	if heard == s.heard && now.Sub(s.loaded).Abs() < Reload {
		return nil
	}
	unreadable, err := w.load(ctx, heard, now)
	return errors.Join(append(unreadable, err)...)
}

// load replaces what is held. It returns what is wrong with statements that cannot be read.
func (w *Wall) load(ctx context.Context, heard uint64, now time.Time) (unreadable []error, err error) {
	kept, err := w.source.EffectiveStatements(ctx)
	if err != nil {
		return nil, fmt.Errorf("load permission statements: %w", err)
	}
	s := &state{loaded: now, heard: heard, accounts: map[string]policy.Policies{}}
	for _, k := range kept {
		p, bad := PolicyOf(k)
		document, err := policy.ParseResource(p.Text())
		if err != nil { // cannot be: it was made here
			return nil, fmt.Errorf("policy of statement %s of account %s: %w", k.ID, k.Account, err)
		}
		if bad != nil {
			unreadable = append(unreadable, fmt.Errorf("nobody can sign in to account %s until its statement %s is removed: %w", k.Account, k.ID, bad))
		}
		of := s.accounts[k.Account]
		of.Resource = append(of.Resource, document)
		s.accounts[k.Account] = of
	}
	w.state.Store(s)
	return unreadable, nil
}

// Check returns nil when the account lets whoever acts as principal, the ARN of a role, come from there. A PermissionMissing
// fault says that its statements deny it, an Overloaded one that nobody can know. It reads no database.
func (w *Wall) Check(phase Phase, account, principal string, from signin.Network, now time.Time) error {
	if err := w.Fresh(now); err != nil {
		return err
	}
	policies, ok := w.state.Load().accounts[account]
	if !ok || !w.denies(policies, phase, account, principal, from) {
		return nil
	}
	if phase == Before {
		return signin.Refuse(signin.PermissionMissing, "The resource permission statements of account %s do not let you sign in from %s (signin:Authenticate is denied before authentication). "+
			"Sign in from a network that they name, or ask the administrator of the account.", account, place(from))
	}
	return signin.Refuse(signin.PermissionMissing, "The resource permission statements of account %s do not let anybody act as %s from %s (signin:AuthorizeOAuth2Access and signin:CreateOAuth2Token are denied after authentication). "+
		"Use a network that they name, or ask the administrator of the account.", account, principal, place(from))
}

// Fresh returns nil, or an Overloaded fault when nothing has been loaded for longer than the limit. Then nobody here can know
// which statements there are, so Check refuses everybody.
func (w *Wall) Fresh(now time.Time) error {
	// By the time of the wall: a machine that slept loaded nothing either.
	if w.limit > 0 && now.Round(0).Sub(w.state.Load().loaded) > w.limit {
		return &signin.Fault{
			Kind:       signin.Overloaded,
			Message:    "This server has not read permission statements for too long, so it lets nobody in until it has. Try again shortly.",
			RetryAfter: 5 * time.Second,
		}
	}
	return nil
}

func (w *Wall) denies(policies policy.Policies, phase Phase, account, principal string, from signin.Network) bool {
	keys := append(permit.NetworkKeys(from),
		policy.Key{Name: "aws:ResourceAccount", Values: []string{account}},
		policy.Key{Name: "aws:RequestedRegion", Values: []string{w.region}})
	if principal != "" {
		keys = append(keys, policy.Key{Name: phases[phase].principal, Values: []string{principal}})
	}
	return policies.Decide(policy.Query{Action: phases[phase].actions[0], Resource: "*", Principal: principal, Keys: keys}).Denied
}

// place says where a request came from, as it was seen here, so that whoever is kept out can tell what to change.
func place(from signin.Network) string {
	text := "an unknown address"
	if from.SourceIP.IsValid() {
		text = from.SourceIP.String()
	}
	if from.VPC != "" {
		text += ", VPC " + from.VPC
	}
	if from.VPCEndpoint != "" {
		text += ", VPC endpoint " + from.VPCEndpoint
	}
	if from.VPCSourceIP.IsValid() {
		text += ", there as " + from.VPCSourceIP.String()
	}
	return text
}

package keyring

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

// The purposes of keys, as the store keeps them.
const (
	purposeSeal      = "seal"       // envelopes, and credentials derived beside them
	purposeAccessKey = "access-key" // secrets of long-lived access keys are derived from it; never rotated
	purposeES384     = "sign-es384"
	purposeES256     = "sign-es256"
	// purposeToken signs access tokens. Its keys are not those of id tokens, so that neither can be made from the other; and
	// always P-256, because programs ask for access tokens at a rate that P-384 would cost several times as much at.
	purposeToken = "sign-access-es256"
)

// The classes of signing keys: both kinds that sign id tokens, and those that sign access tokens.
const (
	classSign  = "sign"
	classToken = "sign-access"
)

// Options say how the ring is kept.
type Options struct {
	// Issuer is bound into every envelope.
	Issuer string
	// Algorithm of id tokens: "ES384" or "ES256".
	Algorithm string
	// Rotate is how long a key is in use before the next one takes its place.
	Rotate time.Duration
	// Publish is how long a new key is in the database before it is used. It must exceed 2*Skew, Ahead, how long a node
	// goes on serving while it does not reach the database, and the time between two calls of Maintain, all together.
	Publish time.Duration
	// Ahead is how far in the future of a right clock the times may lie that keys are asked for.
	Ahead time.Duration
	// Longest is how long the longest-lived envelope lives.
	Longest time.Duration
}

// Skew is how far the clock of a node may be from the right time, both ways.
const Skew = 3 * time.Minute

// Ring holds the keys in memory. It is safe for concurrent use; reading it takes no lock.
type Ring struct {
	keys  store.Keys
	root  *Root
	opts  Options
	state atomic.Pointer[state]
	err   atomic.Pointer[error] // see Err

	// patience is how long Maintain waits for root keys.
	patience time.Duration
	// growing is held while keys are unwrapped, made and retired, also while a root key is waited for. It comes before mu.
	growing sync.Mutex

	mu      sync.Mutex // held while the view is made; never while a root key is asked
	now     time.Time  // when the ring was looked after last
	held    map[uint32]secret
	why     map[uint32]error // what keeps keys from being unwrapped
	highest uint32           // of all ids that were ever seen
	attempt *attempt         // the one under way, or nil
	problem error            // of the last attempt that ended
}

// state is one view of the ring; it never changes once it is published.
type state struct {
	sealing []sealKey // by UseFrom, then id
	byID    map[uint32]*seal.Key
	signing []*SigningKey // by UseFrom, then id, of all algorithms
	tokens  []*SigningKey // the same, of access tokens
	access  map[uint32]*seal.Key
	newest  uint32 // the access key key that new access keys use
	jwks    []byte

	loaded  time.Time
	lacking []lack // keys that could not be unwrapped
}

type sealKey struct {
	*seal.Key
	useFrom time.Time
}

// Open loads the ring, and makes the keys that are missing: all of them in a new database. ErrWrongRoot: root is not
// the key that the ring was wrapped with; the message says which is. Other errors say why root or the database could not
// be asked.
func Open(ctx context.Context, keys store.Keys, root *Root, opts Options, now time.Time) (*Ring, error) {
	r := &Ring{keys: keys, root: root, opts: opts, patience: askQuickly, now: now, held: map[uint32]secret{}}
	if err := r.maintain(ctx, now); err != nil { // nobody else has the ring yet, and nothing can be done without it
		return nil, err
	}
	return r, nil
}

// class is what keys replace each other in: a signing key of one algorithm replaces one of another.
func class(purpose string) string {
	switch purpose {
	case purposeES384, purposeES256:
		return classSign
	case purposeToken:
		return classToken
	}
	return purpose
}

// purposeIn returns the purpose that new keys of a class have.
func (r *Ring) purposeIn(class string) string {
	switch class {
	case classSign:
		return signPurpose(r.opts.Algorithm)
	case classToken:
		return purposeToken
	}
	return class
}

// SealingKey returns the key in use at the time at, which may lie in the past. (Of a time before all keys, it is the
// oldest one.)
func (r *Ring) SealingKey(at time.Time) *seal.Key {
	keys := r.state.Load().sealing
	for i := len(keys) - 1; i > 0; i-- {
		if !keys[i].useFrom.After(at) {
			return keys[i].Key
		}
	}
	return keys[0].Key
}

// SealKey returns the key that sealed an envelope, if the ring still holds it.
func (r *Ring) SealKey(id uint32) (*seal.Key, bool) {
	k, ok := r.state.Load().byID[id]
	return k, ok
}

// AccessKeyKey returns the key from which new long-lived access keys are derived.
func (r *Ring) AccessKeyKey() *seal.Key {
	s := r.state.Load()
	return s.access[s.newest]
}

// AccessKeyByID returns the key that an access key was derived from.
func (r *Ring) AccessKeyByID(id uint32) (*seal.Key, bool) {
	k, ok := r.state.Load().access[id]
	return k, ok
}

// Ages returns since when the key in use of each purpose has been in use, for metrics.
func (r *Ring) Ages(now time.Time) map[string]time.Duration {
	s := r.state.Load()
	ages := map[string]time.Duration{}
	for _, k := range s.sealing {
		if !k.useFrom.After(now) {
			ages[purposeSeal] = now.Sub(k.useFrom)
		}
	}
	for _, k := range s.signing {
		if !k.useFrom.After(now) {
			ages[signPurpose(k.Algorithm)] = now.Sub(k.useFrom)
		}
	}
	for _, k := range s.tokens {
		if !k.useFrom.After(now) {
			ages[purposeToken] = now.Sub(k.useFrom)
		}
	}
	return ages
}

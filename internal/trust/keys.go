package trust

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/signin"
)

const (
	// Fresh is how long the keys of an issuer are used before they are fetched again.
	Fresh = 10 * time.Minute
	// Stale is how long they are used while they cannot be fetched.
	Stale = time.Hour
	// Again is how long after one fetch the next may be made. A token with an unknown kid may ask for it, so it is also how
	// long a key that was rotated in without a word before can be unknown here.
	Again = 30 * time.Second

	// Retry is the same after a fetch that failed.
	Retry = 5 * time.Second

	// loadAtMost is how long all fetches for one set of keys may take.
	loadAtMost = 10 * time.Second
	// maxSources is of how many issuers the keys are kept.
	maxSources = 1024
	// waiting is how many requests may wait for keys at once.
	waiting = 64
)

// Keys keeps the public keys of issuers. It is safe for concurrent use.
type Keys struct {
	public, private Fetcher
	gate            *limit.Gate

	mu      sync.Mutex
	sources map[source]*set
}

// source is where keys come from.
type source struct {
	issuer, jwksURI string
	private         bool
}

// set is what is known of the keys of one source. Keys.mu guards it.
type set struct {
	keys    []key
	fetched time.Time     // when the fetch that got them began
	tried   time.Time     // when the last fetch began
	problem error         // of the last fetch that ended
	loading chan struct{} // closed when the fetch under way ends; nil: there is none
}

// NewKeys returns Keys that ask by public, and for rules that allow private addresses by private.
func NewKeys(public, private Fetcher) *Keys {
	return &Keys{
		public: public, private: private, sources: map[source]*set{},
		gate: limit.NewGate(waiting, 0, 0, "too many requests wait for the keys of issuers. Try again shortly."),
	}
}

// Found are the keys of the issuer of a token.
type Found struct {
	token   *Token
	keys    []key
	allowed []jose.SignatureAlgorithm
}

// Find returns the keys that t, whose issuer an account trusts by those rules, may be signed with. They are fetched when they
// are not here, so it may take seconds. It errs with signin.IssuerUnavailable when they cannot be had, with signin.Overloaded
// when too many wait for some, and with signin.SubjectTokenInvalid when the issuer has no such key.
func (k *Keys) Find(ctx context.Context, t *Token, r Rules, now time.Time) (Found, error) {
	keys, err := k.find(ctx, source{t.Issuer, r.JWKSURI, r.AllowPrivate}, t, now)
	return Found{t, keys, r.algorithms()}, err
}

// Verify returns nil when the token was signed with one of the keys, by an algorithm that the rules allow.
func (f Found) Verify() error { return f.token.verify(f.keys, f.allowed) }

// find returns the keys that t may be signed with.
func (k *Keys) find(ctx context.Context, from source, t *Token, now time.Time) ([]key, error) {
	k.mu.Lock()
	s := k.set(from)
	fitting, age := s.fitting(t), s.age(now)
	if len(fitting) > 0 && age < Fresh {
		k.mu.Unlock()
		return fitting, nil
	}
	loading := s.loading
	if loading == nil && s.due(now) {
		loading = k.load(ctx, from, s, now)
	}
	// While an issuer is known to be away, nobody waits for it who can do without.
	if s.problem != nil && len(fitting) > 0 && age < Stale {
		loading = nil
	}
	k.mu.Unlock()
	if loading != nil {
		if err := k.wait(ctx, loading); err != nil {
			return nil, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return s.answer(t, now)
}

// set returns what is known of a source. When there are too many, those that were asked longest ago are forgotten.
func (k *Keys) set(from source) *set {
	if s := k.sources[from]; s != nil {
		return s
	}
	if len(k.sources) >= maxSources {
		var oldest source
		for other, s := range k.sources {
			if first := k.sources[oldest]; s.loading == nil && (first == nil || s.tried.Before(first.tried)) {
				oldest = other
			}
		}
		delete(k.sources, oldest)
	}
	s := &set{}
	k.sources[from] = s
	return s
}

// load begins a fetch. It goes on when the request that began it ends, because others wait for it.
func (k *Keys) load(ctx context.Context, from source, s *set, now time.Time) chan struct{} {
	done := make(chan struct{})
	s.loading, s.tried = done, now
	fetcher := k.public
	if from.private {
		fetcher = k.private
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadAtMost)
		defer cancel()
		keys, err := from.load(ctx, fetcher)
		k.mu.Lock()
		defer k.mu.Unlock()
		if s.problem = err; err == nil {
			s.keys, s.fetched = keys, now
		}
		s.loading = nil
		close(done)
	}()
	return done
}

func (k *Keys) wait(ctx context.Context, loading chan struct{}) error {
	leave, err := k.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	select {
	case <-loading:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// due tells whether the keys may be fetched.
func (s *set) due(now time.Time) bool {
	pause := Again
	if s.problem != nil {
		pause = Retry
	}
	return s.tried.IsZero() || now.Sub(s.tried).Abs() >= pause
}

// age is how old the keys are by now's clock, which may have been set back.
func (s *set) age(now time.Time) time.Duration {
	if s.keys == nil {
		return Stale
	}
	return now.Sub(s.fetched).Abs()
}

func (s *set) fitting(t *Token) []key {
	var fitting []key
	for _, k := range s.keys {
		if k.fits(t.keyID, t.algorithm) {
			fitting = append(fitting, k)
		}
	}
	return fitting
}

// answer returns the keys of t by what is known now.
func (s *set) answer(t *Token, now time.Time) ([]key, error) {
	if s.age(now) < Stale {
		if fitting := s.fitting(t); len(fitting) > 0 {
			return fitting, nil
		}
		if s.problem == nil {
			return nil, invalid(fmt.Sprintf("its issuer has no key of that kid and alg. If it was made just now, try again in %.0f s", Again.Seconds()))
		}
	}
	return nil, &signin.Fault{
		Kind: signin.IssuerUnavailable, Message: "the keys of the subject token's issuer cannot be had at the moment. Try again shortly.",
		RetryAfter: Retry, Err: s.problem,
	}
}

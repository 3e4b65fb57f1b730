package keyring

import (
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/store"
)

// lack is a key of the database that this node does not have.
type lack struct {
	row store.RingKey
	why error
}

// Err returns how the last try to look after the ring went: not nil when the database or a root key could not be asked, or a key was
// wrapped by a root key that is not here. The ring goes on with the keys that it has, but the server might not start
// again. It is for the log and for metrics; whether to serve is for Ready to say.
func (r *Ring) Err() error {
	if err := r.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Ready returns nil when the ring holds every key that a node may be using at now, and else which it lacks or may lack.
// Until then the server must answer that it is not available: what another node sealed would be refused for good.
func (r *Ring) Ready(now time.Time) error {
	s := r.state.Load()
	for _, l := range s.lacking {
		// Another node's clock may be before this one's.
		if known(l.row.Purpose) && !l.row.UseFrom.After(now.Add(2*Skew+r.opts.Ahead)) {
			return fmt.Errorf("key %d (%s) of the ring is in use and is not here: %w", l.row.ID, l.row.Purpose, l.why)
		}
	}
	// By the clock on the wall as well: the other one stands still while the machine is suspended.
	age := max(now.Sub(s.loaded), now.Round(0).Sub(s.loaded.Round(0)))
	if limit := r.staleAfter(); age >= limit {
		return fmt.Errorf("the key ring was loaded %s ago, and keys that are not here can be in use after %s", age.Round(time.Second), limit)
	}
	return nil
}

// staleAfter is how long after the ring was loaded it holds all keys in use for certain; see the package comment.
func (r *Ring) staleAfter() time.Duration {
	return max(r.opts.Publish-2*Skew-r.opts.Ahead, r.opts.Publish/2)
}

// known tells whether a key of that purpose is one that this version uses.
func known(purpose string) bool {
	switch purpose {
	case purposeSeal, purposeAccessKey, purposeES256, purposeES384, purposeToken:
		return true
	}
	return false
}

// standIn adds a key that is in no database where a view has none to seal or sign with, which happens when the only key
// was retired and its successor cannot be unwrapped. What it makes is good nowhere, and Ready says that the ring is not.
func (s *state) standIn(o Options) error {
	if len(s.sealing) == 0 {
		b, _, err := newSecret(purposeSeal)
		if err != nil {
			return err
		}
		k, err := seal.NewKey(0, b, o.Issuer)
		if err != nil {
			return err
		}
		s.sealing = []sealKey{{Key: k}}
	}
	for keys, purpose := range map[*[]*SigningKey]string{&s.signing: signPurpose(o.Algorithm), &s.tokens: purposeToken} {
		if len(*keys) > 0 {
			continue
		}
		b, publicID, err := newSecret(purpose)
		if err != nil {
			return err
		}
		k, err := newSigningKey(store.RingKey{Purpose: purpose, PublicID: publicID}, b)
		if err != nil {
			return err
		}
		*keys = []*SigningKey{k}
	}
	return nil
}

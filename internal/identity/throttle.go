package identity

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"time"

	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// The limits of attempts that fail; one that succeeds is not counted. They are made so that guessing from one place is
// slow, and nobody can keep a person out by failing in that person's name:
//
//   - An address has attempts for each name, and attempts for all names together.
//   - A name has no limit over all addresses. When many fail in it, browsers that the person never signed in at wait a
//     few seconds before their attempt is looked at, and it still is.
//   - A browser that the person signed in at before (see Device) has attempts of its own, whatever else happens to its
//     address or to the name.
const (
	pairBurst, pairEvery       = 5, 30 * time.Second
	addressBurst, addressEvery = 100, 10 * time.Second
	deviceBurst, deviceEvery   = 10, 30 * time.Second
	nameBurst, nameEvery       = 20, 3 * time.Second
	nameMaxDelay               = 5 * time.Second

	// maxBuckets bounds the memory of each of the four maps to a few megabytes.
	maxBuckets = 1 << 15
)

// nameKey stands for a name as it was typed, of any length and whether or not there is such a person.
type nameKey [16]byte

type pairKey struct {
	name    nameKey
	address netip.Addr
}

type throttle struct {
	pairs     *limit.Buckets[pairKey]
	addresses *limit.Buckets[netip.Addr]
	devices   *limit.Buckets[[16]byte]
	names     *limit.Buckets[nameKey]
}

func newThrottle() *throttle {
	return &throttle{
		pairs:     limit.NewBuckets[pairKey](pairBurst, pairEvery, maxBuckets),
		addresses: limit.NewBuckets[netip.Addr](addressBurst, addressEvery, maxBuckets),
		devices:   limit.NewBuckets[[16]byte](deviceBurst, deviceEvery, maxBuckets),
		names:     limit.NewBuckets[nameKey](nameBurst, nameEvery, maxBuckets),
	}
}

// admit counts an attempt as failed, and returns how long it must wait before it is looked at and how to take the count
// back. A Throttled fault: there are too many already, and nothing was counted. known says that the attempt comes from a
// browser that the person signed in at before.
func (t *throttle) admit(at Attempt, known bool, now time.Time) (delay time.Duration, forgive func(), err error) {
	if known {
		if wait := t.devices.Take(at.Device.ID, now); wait > 0 {
			return 0, nil, tooMany(wait)
		}
		return 0, func() { t.devices.GiveBack(at.Device.ID, now) }, nil
	}

	address, name := limit.Network(at.Address), hashName(at.Name)
	pair := pairKey{name, address}
	if wait := t.pairs.Take(pair, now); wait > 0 {
		return 0, nil, tooMany(wait)
	}
	if wait := t.addresses.Take(address, now); wait > 0 {
		t.pairs.GiveBack(pair, now)
		return 0, nil, tooMany(wait)
	}
	delay = t.names.Owe(name, nameMaxDelay, now)
	return delay, func() {
		t.pairs.GiveBack(pair, now)
		t.addresses.GiveBack(address, now)
		t.names.GiveBack(name, now)
	}, nil
}

func tooMany(wait time.Duration) error {
	// A whole number of seconds that is long enough.
	seconds := int64((wait + time.Second - 1) / time.Second)
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return &signin.Fault{
		Kind:       signin.Throttled,
		Message:    fmt.Sprintf("Too many attempts failed. Try again in %d %s.", seconds, unit),
		RetryAfter: wait,
	}
}

func hashName(name string) nameKey {
	sum := sha256.Sum256([]byte(name))
	return nameKey(sum[:])
}

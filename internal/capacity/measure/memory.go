package measure

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"runtime"
	"time"

	"github.com/latchkey-id/latchkey/internal/dpop"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/reuse"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// most is the most of a kind that are kept while memory is measured.
const most = 200_000

// heapOf returns the bytes of heap that what do returns keeps, for each of n. Maps grow by doubling, so it tries several n
// and returns the dearest.
func heapOf(do func(n int) (any, error)) (float64, error) {
	dearest := 0.0
	for _, share := range []int{10, 9, 8, 7, 6, 5} {
		each, err := heapOfSo(most*share/10, do)
		if err != nil {
			return 0, err
		}
		dearest = max(dearest, each)
	}
	return dearest, nil
}

func heapOfSo(n int, do func(n int) (any, error)) (float64, error) {
	before := liveHeap()
	kept, err := do(n)
	if err != nil {
		return 0, err
	}
	after := liveHeap()
	runtime.KeepAlive(kept)
	return float64(after-before) / float64(n), nil
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what the first one finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// proofs returns the bytes of a remembered proof.
func proofs(now time.Time) (float64, error) {
	return heapOf(func(n int) (any, error) {
		m := dpop.NewMemory(signin.DefaultLifetimes().Proof)
		var p dpop.Proof
		for range n {
			p.IssuedAt = now
			rand.Read(p.ID[:])
			if _, err := m.Answer(p, sha256.Sum256(nil), 7, now); err != nil {
				return nil, err
			}
		}
		return m, nil
	})
}

// reports returns the bytes of a session that waits to be reported.
func reports(now time.Time) (float64, error) {
	return heapOf(func(n int) (any, error) {
		w := reuse.New(nil, 3)
		for range n {
			w.Brought(session(now, time.Hour), 3)
		}
		return w, nil
	})
}

// notices returns the bytes of a notice on the board.
func notices(ctx context.Context, now time.Time) (float64, error) {
	return heapOf(func(n int) (any, error) { return notice.Open(ctx, given{now, int64(n)}, 0, now) })
}

// given is a store where so many notices were given.
type given struct {
	now  time.Time
	last int64
}

// Announce has nothing to do.
func (g given) Announce(context.Context, signin.Notice) error { return nil }

// NoticesAfter returns notices about revoked sessions.
func (g given) NoticesAfter(_ context.Context, after int64, limit int) ([]signin.Notice, error) {
	var list []signin.Notice
	for seq := after + 1; seq <= g.last && len(list) < limit; seq++ {
		list = append(list, signin.Notice{
			Seq: seq, Reason: signin.RevokedSession, Subject: signin.NewSessionID(g.now).String(), At: g.now, Expires: g.now.Add(time.Hour),
		})
	}
	return list, nil
}

// LastNotice returns the number of the last of them.
func (g given) LastNotice(context.Context) (int64, error) { return g.last, nil }

var _ store.Notices = given{}

// session returns a session as a login makes one, that ends after so long.
func session(now time.Time, life time.Duration) signin.Session {
	s := signin.Session{
		ID: signin.NewSessionID(now), ClientID: signin.SameDevice, AuthTime: now, Issued: now, Start: now, End: now.Add(life), Methods: "pwd", AsOf: 1,
		Principal: signin.Principal{
			Account: "111122223333", Role: "Developer", RoleID: "AROAQ3EGR5D2K7YHJ4XA", Person: "alice.liddell", PersonID: "AIDAQ3EGR5D2K7YHJ4XB",
		},
	}
	rand.Read(s.Key[:])
	return s
}

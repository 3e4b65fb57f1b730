package postgres

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// bareInsert is what anybody would write who has one session to keep.
const bareInsert = `
INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods, as_of)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`

// BenchmarkRedeem measures redemptions by one caller, 16 and 64, and beside each the same rows inserted one by one through
// a pool of the same size. cpu-µs/op is what this process uses, not the server. The absolute times are those of the
// machine; compare lines of one run.
func BenchmarkRedeem(b *testing.B) {
	url := pgtest.Shared(b)
	s := open(b, url)
	pool, err := pgxpool.New(b.Context(), url+"&pool_max_conns=16")
	must(b, "New", err)
	defer pool.Close()
	insert := func(ctx context.Context, c signin.Session) error {
		p := &c.Principal
		_, err := pool.Exec(ctx, bareInsert, c.ID[:], c.End.UnixMilli(), c.Start.UnixMilli(), c.Issued.UnixMilli(), c.AuthTime.UnixMilli(),
			c.Key[:], c.ClientID, p.Account, p.Role, p.RoleID, p.Person, p.PersonID, c.Methods, c.AsOf)
		return err
	}
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("bare/callers=%d", callers), func(b *testing.B) { measure(b, callers, insert) })
		b.Run(fmt.Sprintf("redeem/callers=%d", callers), func(b *testing.B) {
			before := s.Stats()
			measure(b, callers, s.RedeemCode)
			after := s.Stats()
			b.ReportMetric(float64(after.Writes-before.Writes)/float64(after.Commits-before.Commits), "writes/commit")
		})
	}
}

// minted counts the sessions of all benchmarks; ids are in the order of time.
var minted atomic.Int64

func measure(b *testing.B, callers int, write func(context.Context, signin.Session) error) {
	runtime.GC()
	cpu := cpuTime(b)
	one := func() {
		if err := write(b.Context(), session(noon.Add(time.Duration(minted.Add(1))*time.Millisecond))); err != nil {
			b.Error(err)
		}
	}
	b.ResetTimer()
	if callers == 1 {
		for range b.N {
			one()
		}
	} else {
		b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				one()
			}
		})
	}
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/1e3/float64(b.N), "cpu-µs/op")
}

// cpuTime returns the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

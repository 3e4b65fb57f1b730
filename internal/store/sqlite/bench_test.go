package sqlite

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// benchSessions is an environment variable with the number of sessions in the full database; 100000 when it is not set.
const benchSessions = "LATCHKEY_BENCH_SESSIONS"

// BenchmarkRedeem measures redemptions by one caller and by 64, on an empty database and on a full one, and beside them
// what one caller would pay without a queue. The absolute times are the disk's; compare lines of one run.
func BenchmarkRedeem(b *testing.B) {
	full := 100_000
	if v := os.Getenv(benchSessions); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			b.Fatalf("%s: %v", benchSessions, err)
		}
		full = n
	}
	for _, sessions := range []int{0, full} {
		path := filepath.Join(b.TempDir(), "x.db")
		s := open(b, path)
		fill(b, path, sessions)
		name := fmt.Sprintf("sessions=%d/", sessions)
		b.Run(name+"naive", func(b *testing.B) { benchNaive(b, path) })
		b.Run(name+"callers=1", func(b *testing.B) { benchRedeem(b, s, 1) })
		b.Run(name+"callers=64", func(b *testing.B) { benchRedeem(b, s, 64) })
	}
}

// fill inserts n sessions whose ids are a day older than those of the benchmark.
func fill(b *testing.B, path string, n int) {
	run(b, beside(b, path), fmt.Sprintf(`
		WITH RECURSIVE number (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number LIMIT %d)
		INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods)
		SELECT CAST(unhex(printf('%%012x', %d + i)) || randomblob(10) AS BLOB), %[3]d, %[3]d, %[3]d, %[3]d, randomblob(32),
			'arn:aws:signin:::devtools/same-device', '111122223333', 'Developer', 'AROADEVELOPER0000000', 'alice@example.com', 'AIDAALICE00000000000', 'pwd'
		FROM number WHERE %[1]d > 0`, n, noon.Add(-24*time.Hour).UnixMilli(), noon.UnixMilli()), `PRAGMA wal_checkpoint(TRUNCATE)`)
}

// minted counts the sessions of all benchmarks.
var minted atomic.Int64

// freshSession returns one that is redeemed a millisecond after the one before. Its id is up to 20 s old, as people take
// their time between the approval, when the id is made, and the redemption.
func freshSession() signin.Session {
	redeemed := noon.Add(time.Duration(minted.Add(1)) * time.Millisecond)
	s := session(redeemed.Add(-time.Duration(rand.Int64N(20_000)) * time.Millisecond))
	s.Start = redeemed.Truncate(time.Second)
	s.End = s.Start.Add(12 * time.Hour)
	return s
}

func benchRedeem(b *testing.B, s *Store, callers int) {
	before, cpu := s.Stats(), cpuTime(b)
	b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
	redeem := func() {
		if err := s.RedeemCode(b.Context(), freshSession()); err != nil {
			b.Error(err)
		}
	}
	b.ResetTimer()
	if callers == 1 {
		for range b.N {
			redeem()
		}
	} else {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				redeem()
			}
		})
	}
	after := s.Stats()
	b.ReportMetric(float64(after.Writes-before.Writes)/float64(after.Commits-before.Commits), "writes/commit")
	b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/1e3/float64(b.N), "cpu-µs/op")
}

// benchNaive is one transaction for each redemption, under a lock, on a connection with the settings of the writer.
func benchNaive(b *testing.B, path string) {
	db, err := connect(path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	insert, err := c.PrepareContext(b.Context(), insertSession)
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	var lock sync.Mutex
	cpu := cpuTime(b)
	b.ResetTimer()
	for range b.N {
		s := freshSession()
		p := &s.Principal
		lock.Lock()
		run(b, c, `BEGIN IMMEDIATE`)
		_, err := insert.Exec(s.ID[:], s.End.UnixMilli(), s.Start.UnixMilli(), s.Issued.UnixMilli(), s.AuthTime.UnixMilli(), s.Key[:],
			s.ClientID, p.Account, p.Role, p.RoleID, p.Person, p.PersonID, s.Methods, s.AsOf)
		if err != nil {
			b.Error(err)
		}
		run(b, c, `COMMIT`)
		lock.Unlock()
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

package bench

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// node is a server that refreshes until it has heard of a revocation, which takes some refreshes.
func nodeThatHearsAfter(t *testing.T, refreshes int64) (address string, refused *atomic.Bool) {
	t.Helper()
	var asked atomic.Int64
	refused = &atomic.Bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > refreshes {
			refused.Store(true)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), refused
}

// The time of a revocation ends with the last node that hears of it, not with the first.
func TestRevocationWaitsForTheLastNode(t *testing.T) {
	first, _ := nodeThatHearsAfter(t, 0)
	late, refused := nodeThatHearsAfter(t, 3)
	l := login{key: testkit.NewKey(), refreshToken: "a"}
	v := victim{login: l, replay: load.Token(first, tokenURL(first), "{}", l.key, time.Now())}
	took, err := revoke(t.Context(), []string{first, late}, newRefreshes(first, tokenURL(first), nil), v, 0)
	if err != nil || !refused.Load() {
		t.Fatalf("revoke = %v, and the last node has refused: %t", err, refused.Load())
	}
	if took < 3*askEvery {
		t.Errorf("revoke took %s, less than three waits of %s", took, askEvery)
	}
}

// A replay that is answered with tokens is the worst that can happen, and must not look like a quick revocation.
func TestReplayThatSucceedsEndsTheRun(t *testing.T) {
	deaf, _ := nodeThatHearsAfter(t, 1)
	l := login{key: testkit.NewKey()}
	v := victim{login: l, replay: load.Token(deaf, tokenURL(deaf), "{}", l.key, time.Now())}
	if _, err := revoke(t.Context(), []string{deaf}, newRefreshes(deaf, tokenURL(deaf), nil), v, 0); err == nil {
		t.Error("revoke by a replay that was answered = nil error")
	}
}

func TestPercentilesOfRevocations(t *testing.T) {
	var heard []float64
	for i := range 200 {
		heard = append(heard, float64(200-i)) // 1 to 200, the longest first
	}
	l := &lab{Options: Options{Judge: true, Progress: io.Discard}}
	got := heardFindings(l, "s", heard)
	for i, want := range []float64{100, 198, 200} {
		if got[i].Value.Median != want {
			t.Errorf("%s = %v, want %v", got[i].What, got[i].Value.Median, want)
		}
	}
	if got[1].Verdict != Pass || got[0].Verdict != NotJudged || got[2].Verdict != NotJudged {
		t.Errorf("verdicts = %s %s %s, want one of p99 alone", got[0].Verdict, got[1].Verdict, got[2].Verdict)
	}
}

func TestLoadLastsUntilItIsEnded(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	address := server.Listener.Addr().String()
	s := &subject{addresses: []string{address}, work: newRefreshes(address, tokenURL(address), standInLogins())}
	ctx, stop := context.WithCancelCause(t.Context())
	busy := make(chan struct{})
	go func() { <-busy; stop(errDone) }()
	rounds, err := s.keepBusy(ctx, 4, busy)
	if err != nil || len(rounds) < 1 || asked.Load() < busyBatch {
		t.Errorf("keepBusy = %d rounds, %v, and %d requests, want at least a whole round of %d", len(rounds), err, asked.Load(), busyBatch)
	}
	broken, end := context.WithCancel(t.Context())
	end()
	if _, err := s.keepBusy(broken, 4, make(chan struct{})); err == nil {
		t.Error("keepBusy that was cut short = nil error")
	}
}

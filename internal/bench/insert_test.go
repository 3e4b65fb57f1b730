package bench

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// A row that is inserted twice or not at all would make the cost of one wrong without anybody noticing.
func TestEveryRowIsInsertedOnce(t *testing.T) {
	const n = 500
	var mu sync.Mutex
	seen := map[signin.SessionID]int{}
	w := inserter{goroutines: 8, insert: func(_ context.Context, s signin.Session) error {
		mu.Lock()
		defer mu.Unlock()
		seen[s.ID]++
		return nil
	}}
	result, err := insertAll(t.Context(), w, newSessions(n, time.Now()))
	if err != nil || len(seen) != n || result.Requests != n || result.Latency.TotalCount() != n {
		t.Errorf("insertAll = %d rows with %d latencies, %v, and %d ids were seen, want %d", result.Requests, result.Latency.TotalCount(), err, len(seen), n)
	}
}

func TestFailedInsertEndsTheRound(t *testing.T) {
	failed := errors.New("no disk")
	w := inserter{goroutines: 4, insert: func(context.Context, signin.Session) error { return failed }}
	if _, err := insertAll(t.Context(), w, newSessions(100, time.Now())); !errors.Is(err, failed) {
		t.Errorf("insertAll = %v, want %v", err, failed)
	}
}

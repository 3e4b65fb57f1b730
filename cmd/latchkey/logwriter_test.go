package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An orderly end loses no line, mixes none with another, and keeps the order of each writer.
func TestLogIsWholeAtTheEnd(t *testing.T) {
	var out bytes.Buffer
	l := newLogWriter(&out)
	const writers, lines = 16, 500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range lines {
				fmt.Fprintf(l, "writer %d line %d %s\n", w, i, strings.Repeat("x", i%50))
			}
		})
	}
	wg.Wait()
	l.Close()
	next := map[int]int{}
	n := 0
	for line := range strings.Lines(out.String()) {
		var w, i int
		if _, err := fmt.Sscanf(line, "writer %d line %d", &w, &i); err != nil || i != next[w] || strings.Count(line, "x") != i%50 {
			t.Fatalf("line %q, want line %d of its writer: %v", line, next[w], err)
		}
		next[w]++
		n++
	}
	if n != writers*lines {
		t.Errorf("%d lines, want %d", n, writers*lines)
	}
}

// stuck is a reader of the log that takes nothing until it is let.
type stuck struct {
	let chan struct{}
	out bytes.Buffer
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.let
	return s.out.Write(b)
}

// Attack, or a full disk: nobody takes the log. The server goes on, in bounded memory, and says later what is missing.
func TestServerDoesNotWaitForItsLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{let: make(chan struct{})}
		l := newLogWriter(s)
		line := []byte(strings.Repeat("x", 1023) + "\n")
		const lines = 3 * maxPendingLog / 1024
		began := time.Now()
		for range lines {
			if n, err := l.Write(line); n != len(line) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		synctest.Wait()
		l.mu.Lock()
		if len(l.pending) > maxPendingLog {
			t.Errorf("%d bytes are waiting, want at most %d", len(l.pending), maxPendingLog)
		}
		l.mu.Unlock()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("writing waited %v", waited)
		}
		close(s.let)
		l.Close()
		kept := strings.Count(s.out.String(), string(line))
		want := fmt.Sprintf("%d log lines were dropped", lines-kept)
		if kept == lines || !strings.Contains(s.out.String(), want) {
			t.Errorf("%d of %d lines were written, and the log does not say %q", kept, lines, want)
		}
	})
}

// The end of the server does not wait for ever either.
func TestEndDoesNotWaitForALogThatNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{let: make(chan struct{})}
		l := newLogWriter(s)
		fmt.Fprintln(l, "x")
		began := time.Now()
		l.Close()
		if waited := time.Since(began); waited != lastLines {
			t.Errorf("Close waited %v, want %v", waited, lastLines)
		}
		close(s.let)
	})
}

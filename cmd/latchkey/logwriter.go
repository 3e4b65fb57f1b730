package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// logWriter writes log lines in the background, as many at a time as there are, because one system call for each line
// would cost as much as the rest of a refresh. A line is written at once when nothing else is being written. What a
// crash of the machine or kill -9 can lose are the lines of the last moment; an orderly end loses none.
//
// The server does not wait for whoever reads its log: lines that nobody takes are dropped and counted.
type logWriter struct {
	mu      sync.Mutex
	wake    *sync.Cond
	pending []byte
	spare   []byte
	dropped int
	closed  bool
	done    chan struct{}
	w       io.Writer
}

const (
	// maxPendingLog is how many bytes of lines wait for a reader that is too slow.
	maxPendingLog = 4 << 20
	// lastLines is how long the end of the server waits for its log to be taken.
	lastLines = 3 * time.Second
)

func newLogWriter(w io.Writer) *logWriter {
	l := &logWriter{w: w, done: make(chan struct{})}
	l.wake = sync.NewCond(&l.mu)
	go l.run()
	return l
}

// Write takes one line. It never fails and never waits.
func (l *logWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	if len(l.pending)+len(line) > maxPendingLog {
		l.dropped++
	} else {
		l.pending = append(l.pending, line...)
	}
	l.mu.Unlock()
	l.wake.Signal()
	return len(line), nil
}

func (l *logWriter) run() {
	defer close(l.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.pending) == 0 && !l.closed {
			l.wake.Wait()
		}
		if len(l.pending) == 0 {
			return
		}
		lines, dropped := l.pending, l.dropped
		l.pending, l.dropped = l.spare[:0], 0
		l.mu.Unlock()
		if dropped > 0 {
			lines = fmt.Appendf(lines, "%d log lines were dropped, because nobody took them\n", dropped)
		}
		l.w.Write(lines) // nowhere to report to
		l.mu.Lock()
		l.spare = lines[:0]
	}
}

// Close writes what is left, unless nobody takes it, and ends.
func (l *logWriter) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake.Signal()
	select {
	case <-l.done:
	case <-time.After(lastLines):
	}
}

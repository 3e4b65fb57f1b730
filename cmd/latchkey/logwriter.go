package main

import (
	"io"
	"sync"
)

// logWriter writes log lines in the background, as many at a time as there are, because one system call for each line
// would cost as much as the rest of a refresh. A line is written at once when nothing else is being written. What a
// crash of the machine or kill -9 can lose are the lines of the last moment; an orderly end loses none.
type logWriter struct {
	mu      sync.Mutex
	wake    *sync.Cond
	pending []byte
	spare   []byte
	closed  bool
	done    chan struct{}
	w       io.Writer
}

// maxPendingLog bounds the memory of lines that the reader of the log is too slow to take. Beyond it, writers wait.
const maxPendingLog = 4 << 20

func newLogWriter(w io.Writer) *logWriter {
	l := &logWriter{w: w, done: make(chan struct{})}
	l.wake = sync.NewCond(&l.mu)
	go l.run()
	return l
}

// Write takes one line. It never fails.
func (l *logWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	for len(l.pending) > maxPendingLog && !l.closed {
		l.wake.Wait()
	}
	l.pending = append(l.pending, line...)
	l.mu.Unlock()
	l.wake.Broadcast()
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
		lines := l.pending
		l.pending = l.spare[:0]
		l.mu.Unlock()
		l.w.Write(lines) // nowhere to report to
		l.mu.Lock()
		l.spare = lines[:0]
		l.wake.Broadcast()
	}
}

// Close writes what is left and ends.
func (l *logWriter) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake.Broadcast()
	<-l.done
}

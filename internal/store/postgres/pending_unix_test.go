//go:build linux || darwin || freebsd

package postgres

import (
	"net"
	"testing"
	"time"
)

// The library reads in the background after a write that was slow, and goes on to do so while the connection is idle.
func TestPendingDoesNotWaitForWhoeverReads(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "Listen", err)
	defer l.Close()
	ours, err := net.Dial("tcp", l.Addr().String())
	must(t, "Dial", err)
	defer ours.Close()
	theirs, err := l.Accept()
	must(t, "Accept", err)
	if pending(ours) {
		t.Error("pending on a quiet connection = true")
	}
	reading := make(chan struct{})
	go func() {
		close(reading)
		var b [1]byte
		_, _ = ours.Read(b[:])
	}()
	<-reading
	if pending(ours) {
		t.Error("pending on a quiet connection that another reads = true")
	}
	must(t, "Close", theirs.Close())
	for end := time.Now().Add(10 * time.Second); !pending(ours); {
		if time.Now().After(end) {
			t.Fatal("pending on a connection whose other end is closed = false")
		}
	}
}

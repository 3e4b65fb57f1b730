package cluster

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// weather is what a link does to what is sent over it.
type weather int

const (
	fair    weather = iota // everything arrives, after the delay of the link
	cut                    // nothing arrives and nobody is told; what was sent arrives when the link is fair again
	refused                // connections are reset, and new ones too
)

// link is the network from one node to one database server: a TCP proxy that can misbehave. Every link has its own
// address, so each way can be cut alone.
type link struct {
	listener net.Listener
	work     sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	target  string
	now     weather
	delay   time.Duration
	closed  bool
	conns   map[net.Conn]bool // true: it hears nothing any more, whatever the weather
}

// newLink returns a fair link to target, which ends with the test.
func newLink(t testing.TB, target string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{listener: l, target: target, conns: map[net.Conn]bool{}}
	k.changed.L = &k.mu
	k.work.Go(k.accept)
	t.Cleanup(k.close)
	return k
}

func (k *link) address() string { return k.listener.Addr().String() }

// set changes the weather.
func (k *link) set(w weather, delay time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now, k.delay = w, delay
	if w == refused {
		k.resetLocked()
	}
	k.changed.Broadcast()
}

// heal makes the link fair. With forget, what was connected before stays cut for good, as behind a firewall that has
// forgotten it: neither side is told.
func (k *link) heal(forget bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for c := range k.conns {
		k.conns[c] = k.conns[c] || forget
	}
	k.now, k.delay = fair, 0
	k.changed.Broadcast()
}

// lead sends new connections to another server.
func (k *link) lead(target string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.target = target
}

func (k *link) close() {
	k.listener.Close()
	k.mu.Lock()
	k.closed = true
	k.resetLocked()
	k.changed.Broadcast()
	k.mu.Unlock()
	k.work.Wait()
}

func (k *link) resetLocked() {
	for c := range k.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0) // RST, as a firewall or a dead host's neighbour sends
		}
		c.Close()
		delete(k.conns, c)
	}
}

// arrives waits until something that was sent on c may arrive; false: never.
func (k *link) arrives(c net.Conn) bool {
	k.mu.Lock()
	for {
		forgotten, known := k.conns[c]
		if k.closed || !known {
			k.mu.Unlock()
			return false
		}
		if k.now == fair && !forgotten {
			break
		}
		k.changed.Wait()
	}
	delay := k.delay
	k.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	return true
}

// add keeps c for reset; false: the link is closed or refuses.
func (k *link) add(c net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.now == refused {
		return false
	}
	k.conns[c] = false
	return true
}

func (k *link) drop(c net.Conn) {
	k.mu.Lock()
	delete(k.conns, c)
	k.changed.Broadcast()
	k.mu.Unlock()
	c.Close()
}

func (k *link) accept() {
	for {
		c, err := k.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		k.work.Go(func() { k.join(c) })
	}
}

// join connects near with the target, and ends when both are silent.
func (k *link) join(near net.Conn) {
	if !k.add(near) {
		near.(*net.TCPConn).SetLinger(0)
		near.Close()
		return
	}
	defer k.drop(near)
	if !k.arrives(near) {
		return
	}
	k.mu.Lock()
	target := k.target
	k.mu.Unlock()
	far, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		near.(*net.TCPConn).SetLinger(0)
		return
	}
	if !k.add(far) {
		far.Close()
		return
	}
	defer k.drop(far)
	var both sync.WaitGroup
	both.Go(func() { k.pump(near, far) })
	both.Go(func() { k.pump(far, near) })
	both.Wait()
}

// pump carries what comes from one side to the other.
func (k *link) pump(from, to net.Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if !k.arrives(from) || !k.arrives(to) {
			break
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
		}
		if errors.Is(err, io.EOF) {
			to.(*net.TCPConn).CloseWrite()
			return
		}
		if err != nil {
			break
		}
	}
	// An error of one side is one of the other: a reset goes through.
	k.drop(from)
	k.drop(to)
}

package cluster

import (
	"bufio"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// echo is a server that says again what it hears.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				lines := bufio.NewScanner(c)
				for lines.Scan() {
					c.Write(append(lines.Bytes(), '\n'))
				}
			}()
		}
	}()
	return l.Addr().String()
}

// caller is one connection over a link.
type caller struct {
	net.Conn
	lines *bufio.Reader
}

func call(t *testing.T, k *link) *caller {
	t.Helper()
	c, err := net.Dial("tcp", k.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &caller{c, bufio.NewReader(c)}
}

// say sends word and returns what comes back within the time; os.ErrDeadlineExceeded: nothing.
func (c *caller) say(word string, within time.Duration) (string, error) {
	if _, err := c.Write([]byte(word)); err != nil {
		return "", err
	}
	return c.hear(within)
}

func (c *caller) hear(within time.Duration) (string, error) {
	c.SetReadDeadline(time.Now().Add(within))
	return c.lines.ReadString('\n')
}

const (
	soon  = 5 * time.Second // more than anything takes on a fair link
	never = 60 * time.Millisecond
)

// If a cut did not cut, every test of this room would pass for the wrong reason.
func TestLinkMisbehavesAsTold(t *testing.T) {
	k := newLink(t, echo(t))
	c := call(t, k)
	if got, err := c.say("one\n", soon); got != "one\n" {
		t.Fatalf("over a fair link: %q, %v", got, err)
	}
	k.set(cut, 0)
	if got, err := c.say("two\n", never); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("over a cut link: %q, %v, want silence", got, err)
	}
	during := call(t, k)
	if got, err := during.say("three\n", never); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("over a connection made while cut: %q, %v, want silence", got, err)
	}
	k.heal(false)
	for word, c := range map[string]*caller{"two\n": c, "three\n": during} {
		if got, err := c.hear(soon); got != word {
			t.Fatalf("after healing: %q, %v, want what was said while cut", got, err)
		}
	}
	k.set(cut, 0)
	c.say("four\n", never)
	k.heal(true)
	if got, err := c.hear(never); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("over a forgotten connection: %q, %v, want silence", got, err)
	}
	after := call(t, k)
	if got, err := after.say("five\n", soon); got != "five\n" {
		t.Fatalf("over a new connection after healing: %q, %v", got, err)
	}
	k.set(fair, 2*never)
	if got, err := after.say("six\n", never); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("over a slow link: %q, %v, want it later", got, err)
	}
	if got, err := after.hear(soon); got != "six\n" {
		t.Fatalf("over a slow link: %q, %v", got, err)
	}
	k.set(refused, 0)
	if got, err := after.hear(soon); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("over a refusing link: %q, %v, want a broken connection", got, err)
	}
}

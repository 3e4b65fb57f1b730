package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// crashRounds is an environment variable with the number of processes to kill; 3 when it is not set.
const crashRounds = "LATCHKEY_CRASH_ROUNDS"

// crashChild is an environment variable that turns the test binary into the process to be killed; it holds the path.
const crashChild = "LATCHKEY_CRASH_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashChild); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled redeems codes and announces notices from many goroutines. Whatever was answered with nil it prints,
// and only then.
func writeUntilKilled(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path, noon, Options{})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range 32 {
		go func() {
			for i := 0; ; i++ {
				code := session(noon)
				if err := s.RedeemCode(ctx, code); err != nil {
					failed <- err
				}
				line := "redeemed " + code.ID.String() + "\n"
				if i%8 == 0 {
					if err := s.Announce(ctx, signin.Notice{Reason: signin.RevokedSession, Subject: code.ID.String()}); err != nil {
						failed <- err
					}
					line += "announced " + code.ID.String() + "\n"
				}
				if _, err := os.Stdout.WriteString(line); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// A process that is killed takes nothing with it that it had answered, and leaves a whole file.
func TestKilledProcessLosesNothingItAnswered(t *testing.T) {
	rounds := 3
	if v := os.Getenv(crashRounds); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("%s: %v", crashRounds, err)
		}
		rounds = n
	}
	path := filepath.Join(t.TempDir(), "x.db")
	var acked []string // over all rounds: an earlier crash must not come back to life either
	for round := range rounds {
		lines := killInTheMiddle(t, path, 200+rand.IntN(3000))
		t.Logf("round %d: killed after %d answers", round, len(lines))
		acked = append(acked, lines...)
		checkAnswered(t, path, acked)
		wantWhole(t, path)
		if t.Failed() {
			return
		}
	}
}

// killInTheMiddle runs a child and kills it when it has printed after lines or more. It returns all whole lines.
func killInTheMiddle(t *testing.T, path string, after int) []string {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), crashChild+"="+path)
	var said strings.Builder
	c.Stderr = &said
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	var killed sync.Once
	for r := bufio.NewReader(out); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			break // what follows the last newline was cut off by the kill
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
		if len(lines) >= after {
			killed.Do(func() { _ = c.Process.Kill() })
		}
	}
	_ = c.Wait()
	if len(lines) < after {
		t.Fatalf("the child ended by itself after %d answers: %s", len(lines), said.String())
	}
	return lines
}

// checkAnswered opens the file again and looks for everything in lines.
func checkAnswered(t *testing.T, path string, lines []string) {
	t.Helper()
	s := open(t, path)
	announced := make(map[string]bool)
	for after := int64(0); ; {
		got, err := s.NoticesAfter(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			break
		}
		for _, n := range got {
			announced[n.Subject] = true
			if n.Seq <= after {
				t.Fatalf("NoticesAfter gave Seq %d after %d", n.Seq, after)
			}
			after = n.Seq
		}
	}
	for _, line := range lines {
		what, id, _ := strings.Cut(line, " ")
		switch what {
		case "redeemed":
			sid, err := signin.ParseSessionID(id)
			if err != nil {
				t.Fatal(err)
			}
			code := session(noon)
			code.ID = sid
			if err := s.RedeemCode(t.Context(), code); !errors.Is(err, store.ErrSpent) {
				t.Errorf("RedeemCode of %s, which was answered before the kill = %v, want ErrSpent", id, err)
			}
		case "announced":
			if !announced[id] {
				t.Errorf("the notice about %s, which was answered before the kill, is gone", id)
			}
		default:
			t.Fatalf("the child printed %q", line)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

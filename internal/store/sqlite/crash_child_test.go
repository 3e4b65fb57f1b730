package sqlite

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// crashChild is an environment variable that turns the test binary into the process to be killed; it holds the path.
	crashChild = "LATCHKEY_STORE_CRASH_CHILD"
	// crashCheckpoint is one with the pages after which the child moves the log into the file.
	crashCheckpoint = "LATCHKEY_STORE_CRASH_CHECKPOINT"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashChild); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// crashPerson is whose password the child changes.
const crashPerson = "AIDACRASH00000000000"

// writeUntilKilled writes of every kind from many goroutines. Whatever was answered with nil it prints, and only then.
func writeUntilKilled(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path, noon, Options{})
	if err != nil {
		return err
	}
	pages, err := strconv.Atoi(os.Getenv(crashCheckpoint))
	if err != nil {
		return err
	}
	if _, err := s.writer.conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA wal_autocheckpoint = %d`, pages)); err != nil {
		return err
	}
	failed := make(chan error)
	var passwords atomic.Int64
	for range 32 {
		go func() {
			for i := 0; ; i++ {
				line, err := writeSome(ctx, s, i, &passwords)
				if err == nil {
					_, err = os.Stdout.WriteString(line)
				}
				if err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// writeSome redeems a code and makes one other write about its session. It returns what to print.
func writeSome(ctx context.Context, s *Store, i int, passwords *atomic.Int64) (string, error) {
	code := session(noon)
	id := code.ID.String()
	if err := s.RedeemCode(ctx, code); err != nil {
		return "", err
	}
	line := "redeemed " + id + "\n"
	switch i % 16 {
	case 0, 8:
		return line + "announced " + id + "\n", s.Announce(ctx, signin.Notice{Reason: signin.RevokedSession, Subject: id})
	case 2, 10:
		_, err := s.ReportSteps(ctx, []store.StepReport{{Session: code.ID, Step: 1, End: code.End}, {Session: twin(code.ID), Step: 1, End: code.End}}, 2)
		return line + "stepped " + id + "\n", err
	case 4:
		return line + "recorded " + id + "\n", s.RecordAudit(ctx, []store.AuditEvent{{ID: code.ID, At: noon}, {ID: twin(code.ID), At: noon}})
	case 6:
		// Which is the newest is for the order of commits to say.
		at := noon.Add(time.Duration(passwords.Add(1)) * time.Millisecond)
		return line, s.SetPassword(ctx, crashPerson, id, at, at)
	case 1, 3, 5, 7, 9, 11:
		advanced, err := advanceSome(ctx, s, crashSessions[i%len(crashSessions)])
		return line + advanced, err
	}
	return line, nil
}

// crashSessions are those that every child on a file brings further, many callers at once.
var crashSessions = []signin.SessionID{{15: 1}, {15: 2}, {15: 3}, {15: 4}}

// crashAdvance returns a request of its own that brings the token of a generation.
func crashAdvance(id signin.SessionID, from int64, request string) store.Advance {
	return store.Advance{Session: id, From: from, Request: sha256.Sum256([]byte(request)), End: noon.AddDate(1, 0, 0)}
}

// advanceSome brings the newest token of the session. It returns what to print, which is nothing where another was first.
func advanceSome(ctx context.Context, s *Store, id signin.SessionID) (string, error) {
	from, err := s.GenerationOf(ctx, id)
	if err != nil {
		return "", err
	}
	request := signin.NewSessionID(noon).String()
	_, err = s.AdvanceGeneration(ctx, crashAdvance(id, from, request), noon)
	if errors.Is(err, store.ErrReused) {
		return "", nil
	}
	return fmt.Sprintf("advanced %s %d %s\n", id, from, request), err
}

// twin returns the id that is written in one transaction with id.
func twin(id signin.SessionID) signin.SessionID {
	id[len(id)-1] ^= 1
	return id
}

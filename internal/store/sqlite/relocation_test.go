package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// A code must not be redeemed in the old database and in the new one, so a server that runs on the old one writes nothing
// any more, and hears no notice: it cannot go on for longer than a server that lost its database.
func TestMovedFileTakesNoWriteFromAnybody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	mover, server := open(t, path), open(t, path)
	ctx := t.Context()
	code, other := session(noon), session(noon)
	must := func(call string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s = %v", call, err)
		}
	}
	must("RedeemCode", server.RedeemCode(ctx, code)) // its statements are prepared
	must("Announce", server.Announce(ctx, signin.Notice{Reason: signin.RevokedSession, Subject: "x", At: noon, Expires: noon}))
	must("RecordAudit", server.RecordAudit(ctx, []store.AuditEvent{{ID: signin.NewSessionID(noon), At: noon}}))
	must("AddPerson", server.AddPerson(ctx, store.Person{ID: "p", Name: "p"}))
	must("AddAccount", server.AddAccount(ctx, store.Account{ID: "a"}))
	_, err := server.AdvanceGeneration(ctx, store.Advance{Session: other.ID, End: noon}, noon)
	must("AdvanceGeneration", err)
	must("MoveAway", mover.MoveAway(ctx, "there", noon, func(context.Context) error { return nil }))

	_, stepErr := server.ReportSteps(ctx, []store.StepReport{{Session: code.ID, Step: 1, End: noon}}, 0)
	_, advanceErr := server.AdvanceGeneration(ctx, store.Advance{Session: code.ID, End: noon}, noon)
	_, nextErr := server.AdvanceGeneration(ctx, store.Advance{Session: other.ID, From: 1, End: noon}, noon)
	_, putErr := server.PutStatement(ctx, store.PermissionStatement{Account: "a", ID: "1"}, 5, noon, noon)
	_, sweepErr := server.Sweep(ctx, noon.AddDate(1, 0, 0), 10)
	for call, err := range map[string]error{
		"RedeemCode":          server.RedeemCode(ctx, other),
		"RedeemCode again":    server.RedeemCode(ctx, code),
		"Announce":            server.Announce(ctx, signin.Notice{Reason: signin.RevokedSession, Subject: "y", At: noon, Expires: noon}),
		"DisablePerson":       server.DisablePerson(ctx, "p", noon, noon),
		"RecordAudit":         server.RecordAudit(ctx, []store.AuditEvent{{ID: signin.NewSessionID(noon), At: noon}}),
		"AddRingKeys":         server.AddRingKeys(ctx, 0, []store.RingKey{{ID: 1, Wrapped: []byte("w")}}),
		"ReportSteps":         stepErr,
		"AdvanceGeneration":   advanceErr,
		"AdvanceGeneration 1": nextErr,
		"PutStatement":        putErr,
		"AddGroup":            server.AddGroup(ctx, store.Group{ID: "g", Name: "g"}),
		"RegisterClient":      server.RegisterClient(ctx, store.DynamicClient{ID: other.ID}),
		"Sweep":               sweepErr,
		"RedeemCode of mover": mover.RedeemCode(ctx, other),
	} {
		if err == nil || !strings.Contains(err.Error(), "was moved") || errors.Is(err, store.ErrSpent) {
			t.Errorf("%s = %v, want an error that says that the database was moved", call, err)
		}
	}
	if _, err := server.SessionByID(ctx, other.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("SessionByID of a code that was refused = %v, want %v", err, store.ErrNotFound)
	}
	_, err = server.NoticesAfter(ctx, 0, 10)
	if marked, ok := errors.AsType[*store.MarkedError](err); !ok || marked.Mark.Place != "there" {
		t.Errorf("NoticesAfter = %v, want the place that the database was moved to", err)
	}
}

func TestMarkedFileIsNotOpenedToServe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	for _, m := range []store.Mark{{State: store.Copying, Place: "there", At: noon}, {State: store.Moved, Place: "there", At: noon}} {
		if err := s.SetMark(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), path, noon, Options{})
		if marked, ok := errors.AsType[*store.MarkedError](err); !ok || marked.Mark != m || !strings.Contains(err.Error(), "there") {
			t.Errorf("Open of a database that is %s = %v, want an error that names the place", m.State, err)
		}
		again, err := Open(t.Context(), path, noon, Options{Marked: true})
		if err != nil {
			t.Fatalf("Open for a copy = %v", err)
		}
		again.Close()
	}
}

// While a move checks its copy, other processes wait, and then find the file as it was or moved.
func TestNobodyWritesWhileAMoveChecks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	mover, server := open(t, path), open(t, path)
	done := make(chan error, 1)
	err := mover.MoveAway(t.Context(), "there", noon, func(context.Context) error {
		go func() { done <- server.RedeemCode(context.Background(), session(noon)) }()
		select {
		case err := <-done:
			t.Errorf("RedeemCode during the check = %v, want it to wait", err)
		case <-time.After(100 * time.Millisecond):
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "was moved") {
		t.Errorf("RedeemCode after the move = %v, want an error that says so", err)
	}
}

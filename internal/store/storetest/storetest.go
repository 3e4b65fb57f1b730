package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-id/latchkey/internal/store"
)

// Engine opens databases for the suite.
type Engine struct {
	// Open opens the database called name, which is empty when it is opened for the first time in this run. The suite
	// opens the same name again, both after it closed the first store and while that is open; all must see one database.
	// name has letters, digits and '-' only. Open ends the test when it fails.
	Open func(t *testing.T, name string) store.Store
}

// Run runs the whole suite.
func Run(t *testing.T, e Engine) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"Sessions", sessionTests},
		{"Races", raceTests},
		{"Notices", noticeTests},
		{"Directory", directoryTests},
		{"Keys", keyTests},
		{"Rewrap", rewrapTests},
		{"Steps", stepTests},
		{"Audit", auditTests},
		{"Administration", administrationTests},
		{"Groups", groupTests},
		{"Attachments", attachmentTests},
		{"PolicyRaces", policyRaceTests},
		{"Resources", resourceTests},
		{"Grants", grantTests},
		{"Registrations", registrationTests},
		{"Generations", generationTests},
		{"Statements", statementTests},
		{"Perimeter", perimeterTests},
		{"OperationText", operationTextTests},
		{"Text", textTests},
		{"Times", timeTests},
		{"Sweep", sweepTests},
		{"Context", contextTests},
		{"Archive", archiveTests},
		{"Marks", markTests},
		{"Life", lifeTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.tests {
				t.Run(c.claim, func(t *testing.T) {
					t.Parallel()
					c.run(t, newDatabase(t, e))
				})
			}
		})
	}
}

// test is one claim about a database that is empty.
type test struct {
	claim string
	run   func(t *testing.T, db *database)
}

// database is the one that a test has for itself.
type database struct {
	engine Engine
	name   string
}

func newDatabase(t *testing.T, e Engine) *database {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, t.Name())
	return &database{e, name}
}

// open opens the database until the test ends.
func (db *database) open(t *testing.T) store.Store {
	t.Helper()
	s := db.engine.Open(t, db.name)
	t.Cleanup(func() { _ = s.Close() }) // a test may have closed it
	return s
}

// together calls f(0) to f(n-1) at once and returns what they returned.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// must ends the test when a call that prepares it fails.
func must(t *testing.T, call string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s = %v", call, err)
	}
}

// wantError fails the test unless err is want; nil wants none.
func wantError(t *testing.T, call string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || (want == nil && err != nil) {
		t.Errorf("%s = %v, want %v", call, err, want)
	}
}

// onlyWinner returns the index of the one nil in errs, and fails the test when there is not exactly one or another error
// is not want.
func onlyWinner(t *testing.T, call string, errs []error, want error) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("%s: callers %d and %d both won", call, winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, want):
			t.Errorf("%s: caller %d got %v, want nil or %v", call, i, err, want)
		}
	}
	if winner < 0 {
		t.Fatalf("%s: nobody won of %d callers", call, len(errs))
	}
	return winner
}

// numbered returns what with a number, for ids that differ.
func numbered(what string, i int) string { return fmt.Sprintf("%s%04d", what, i) }

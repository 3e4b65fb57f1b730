package audit

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// flaky is a store that fails while err is set.
type flaky struct {
	store.Audit
	err   error
	asked int
}

func (f *flaky) RecordAudit(ctx context.Context, events []store.AuditEvent) error {
	if f.err != nil {
		f.asked++
		return f.err
	}
	return f.Audit.RecordAudit(ctx, events)
}

func newTrail(t *testing.T) (*Trail, *flaky, *bytes.Buffer) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), noon, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	f, log := &flaky{Audit: st}, &bytes.Buffer{}
	return New(f, slog.New(slog.NewTextHandler(log, nil))), f, log
}

func kept(t *testing.T, st store.Audit) []store.AuditEvent {
	t.Helper()
	all, err := st.AuditEvents(t.Context(), store.AuditQuery{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func flush(t *testing.T, trail *Trail) {
	t.Helper()
	if err := trail.Flush(t.Context()); err != nil {
		t.Fatalf("Flush = %v", err)
	}
}

func TestEventIsInTheLogAtOnceAndInTheStoreAfterAFlush(t *testing.T) {
	trail, st, log := newTrail(t)
	trail.Note(store.AuditEvent{At: noon, Kind: CodeReplayed, Request: "r-1", Session: "s-1", Client: "c", Principal: "arn", Person: "AIDA1", Remote: "192.0.2.1", Detail: "A code."})
	for _, want := range []string{"code-replayed", "r-1", "s-1", "arn", "AIDA1", "192.0.2.1", "A code."} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}
	if got := kept(t, st); len(got) != 0 {
		t.Errorf("before Flush, %d events are kept", len(got))
	}
	flush(t, trail)
	flush(t, trail)
	got := kept(t, st)
	if len(got) != 1 || got[0].Kind != CodeReplayed || got[0].Person != "AIDA1" || !got[0].At.Equal(noon) {
		t.Errorf("kept %+v, want the one event", got)
	}
}

// Attack: repeat what is an event a million times, to fill the disk or to hide something among it.
func TestRepetitionIsNotedOnceAMinute(t *testing.T) {
	trail, st, _ := newTrail(t)
	for i := range 600 {
		at := noon.Add(time.Duration(i) * 200 * time.Millisecond)
		trail.Note(store.AuditEvent{At: at, Kind: ProofKeyRefused, Session: "s", Person: "AIDA1"})
	}
	trail.Note(store.AuditEvent{At: noon, Kind: ProofKeyRefused, Session: "another", Person: "AIDA1"})
	trail.Note(store.AuditEvent{At: noon, Kind: CodeReplayed, Session: "s", Person: "AIDA1"})
	flush(t, trail)
	if got := kept(t, st); len(got) != 4 {
		t.Errorf("kept %d events, want 2 of two minutes and 2 others", len(got))
	}
}

func TestEventsWaitWhileTheDatabaseIsAway(t *testing.T) {
	trail, st, _ := newTrail(t)
	st.err = errors.New("away")
	for i := range longest + 10 {
		trail.Note(store.AuditEvent{At: noon, Kind: SignInRefused, Person: strconv.Itoa(i)})
	}
	if err := trail.Flush(t.Context()); !errors.Is(err, st.err) {
		t.Errorf("Flush = %v, want %v", err, st.err)
	}
	if got := trail.Lost(); got != 10 {
		t.Errorf("Lost = %d, want 10", got)
	}
	st.err = nil
	flush(t, trail)
	if got := kept(t, st); len(got) != longest {
		t.Errorf("kept %d events, want %d", len(got), longest)
	}
}

// Attack: bring text into an event that the store does not take, so that nothing is kept from then on.
func TestOneBadEventDoesNotHoldUpTheOthers(t *testing.T) {
	trail, st, _ := newTrail(t)
	for i := range 10 {
		e := store.AuditEvent{At: noon, Kind: SignInRefused, Person: strconv.Itoa(i)}
		if i == 3 {
			e.Remote = "fe80::1%\xff"
		}
		trail.Note(e)
	}
	flush(t, trail)
	if got := kept(t, st); len(got) != 9 || trail.Lost() != 1 {
		t.Errorf("kept %d events and lost %d, want 9 and 1", len(got), trail.Lost())
	}
}

// While the store is away each question may take long, so it is asked once and not for each event.
func TestStoreThatIsAwayIsAskedOnce(t *testing.T) {
	trail, st, _ := newTrail(t)
	for i := range 100 {
		trail.Note(store.AuditEvent{At: noon, Kind: SignInRefused, Person: strconv.Itoa(i)})
	}
	st.err = signin.Refuse(signin.Overloaded, "away")
	if err := trail.Flush(t.Context()); !errors.Is(err, st.err) || st.asked != 1 {
		t.Errorf("Flush = %v after %d questions, want %v after one", err, st.asked, st.err)
	}
	st.err = nil
	flush(t, trail)
	if got := kept(t, st); len(got) != 100 || trail.Lost() != 0 {
		t.Errorf("kept %d events and lost %d, want all 100", len(got), trail.Lost())
	}
}

func TestEventsNotedDuringAFlushAreKeptOnce(t *testing.T) {
	trail, st, _ := newTrail(t)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 250 {
				trail.Note(store.AuditEvent{At: noon, Kind: SignInRefused, Person: strconv.Itoa(w*1000 + i)})
				if i%50 == 0 {
					if err := trail.Flush(context.Background()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	flush(t, trail)
	people := map[string]int{}
	for _, e := range kept(t, st) {
		people[e.Person]++
	}
	if len(people) != 1000 {
		t.Errorf("%d of 1000 events are kept", len(people))
	}
	for p, n := range people {
		if n != 1 {
			t.Errorf("the event of %s is kept %d times", p, n)
		}
	}
}

// Whoever repeats an attack must not fill the trail; an administrator who changes two things in a minute changed two things.
func TestWhatSomebodyMayDoIsNotedEachTime(t *testing.T) {
	trail, st, _ := newTrail(t)
	e := store.AuditEvent{At: noon, Kind: StatementPut, Principal: "arn:aws:iam::111122223333:user/admin", Detail: "one"}
	for range 3 {
		trail.NoteEach(e)
	}
	e.Kind = SignInKeptOut
	for range 3 {
		trail.Note(e)
	}
	if err := trail.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, k := range kept(t, st) {
		count[k.Kind]++
	}
	if count[StatementPut] != 3 || count[SignInKeptOut] != 1 {
		t.Errorf("kept %v, want each of the first and one of the second", count)
	}
}

package reuse

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// nodes returns the watches of two nodes that share a database.
func nodes(t *testing.T) (here, elsewhere *Watch) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), noon, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return New(st, 2), New(st, 2)
}

func session() signin.Session {
	return signin.Session{ID: signin.NewSessionID(noon), End: noon.Add(12 * time.Hour), Principal: signin.Principal{PersonID: "AIDA"}}
}

// brought is a refresh token of a step that came to a node; a report follows it where reported is set.
type brought struct {
	elsewhere bool
	step      int64
	reported  bool
}

func TestOldTokenAfterANewOneIsSuspicious(t *testing.T) {
	for _, tt := range []struct {
		name          string
		tokens        []brought
		step, highest int64 // of the suspicion; highest 0: there is none
	}{
		{"a program that keeps up", []brought{{false, 0, true}, {false, 2, true}, {true, 4, true}, {false, 6, true}}, 0, 0},
		{"a program that slept for hours", []brought{{false, 0, true}, {false, 1, true}, {true, 90, true}}, 0, 0},
		{"a lost answer, and the token again", []brought{{false, 1, true}, {true, 1, true}, {false, 1, true}}, 0, 0},
		{"parallel programs within the grace", []brought{{false, 5, true}, {true, 3, true}, {false, 5, true}}, 0, 0},
		{"the first token, brought for ever", []brought{{false, 0, true}, {true, 0, true}, {false, 0, true}}, 0, 0},
		{"an old token at the same node", []brought{{false, 8, false}, {false, 0, true}}, 0, 8},
		{"an old token at the same node, later", []brought{{false, 8, true}, {false, 5, true}}, 5, 8},
		{"an old token at another node", []brought{{false, 8, true}, {true, 0, true}}, 0, 8},
		{"both between two reports of another node", []brought{{false, 8, true}, {true, 0, false}, {true, 9, true}}, 0, 8},
		{"newer after older is no reuse", []brought{{false, 0, false}, {false, 9, true}}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here, elsewhere := nodes(t)
			s := session()
			var found []Suspicion
			for _, b := range tt.tokens {
				w := here
				if b.elsewhere {
					w = elsewhere
				}
				w.Brought(s, b.step)
				w.Brought(session(), 0) // another session has nothing to do with it
				if !b.reported {
					continue
				}
				more, err := w.Report(t.Context())
				if err != nil {
					t.Fatalf("Report = %v", err)
				}
				found = append(found, more...)
			}
			switch {
			case tt.highest == 0 && len(found) > 0:
				t.Errorf("suspicions %+v, want none", found)
			case tt.highest > 0 && (len(found) != 1 || found[0].Step != tt.step || found[0].Highest != tt.highest || found[0].Session != s):
				t.Errorf("suspicions %+v, want one of step %d after %d", found, tt.step, tt.highest)
			}
		})
	}
}

func TestManySessionsAreReportedInBatches(t *testing.T) {
	here, elsewhere := nodes(t)
	sessions := make([]signin.Session, 2*batch)
	for i := range sessions {
		sessions[i] = session()
		sessions[i].ID[15] = 0 // all in one shard
		here.Brought(sessions[i], 3)
		here.Brought(sessions[i], 10)
		elsewhere.Brought(sessions[i], 1)
	}
	if found, err := here.Report(t.Context()); len(found) != 0 || err != nil {
		t.Errorf("Report = %d suspicions, %v; want none", len(found), err)
	}
	found, err := elsewhere.Report(t.Context())
	if len(found) != len(sessions) || err != nil {
		t.Errorf("Report = %d suspicions, %v; want %d", len(found), err, len(sessions))
	}
	if found, err := elsewhere.Report(t.Context()); len(found) != 0 || err != nil {
		t.Errorf("Report again = %d suspicions, %v; want none: it was told", len(found), err)
	}
}

// Whatever comes between two reports, memory is bounded.
func TestWatchIsBounded(t *testing.T) {
	w := New(nil, 2)
	for range shards * perShard * 2 {
		s := signin.Session{ID: signin.NewSessionID(noon)}
		w.Brought(s, 0)
	}
	held := 0
	for i := range w.shards {
		held += len(w.shards[i].seen)
	}
	if held > shards*perShard || w.Lost() != uint64(shards*perShard*2-held) {
		t.Errorf("%d are held and %d lost, want at most %d held and the rest counted", held, w.Lost(), shards*perShard)
	}
}

// A request is sent again for as long as its proof is good, by which time other programs may be steps ahead.
func TestGraceCoversRequestsThatAreSentAgain(t *testing.T) {
	l := signin.DefaultLifetimes()
	if got := Grace(l); got != 3 {
		t.Errorf("Grace by default = %d, want 3", got)
	}
	l.Step = 30 * time.Second
	if got := Grace(l); got != 12 {
		t.Errorf("Grace with steps of 30s = %d, want 12", got)
	}
}

func TestNobodyWatches(t *testing.T) {
	var w *Watch
	w.Brought(session(), 1) // must not panic
}

func BenchmarkBrought(b *testing.B) {
	w := New(nil, 2)
	s := session()
	b.ReportAllocs()
	for b.Loop() {
		w.Brought(s, 1)
	}
}

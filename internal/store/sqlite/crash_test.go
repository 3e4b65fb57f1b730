package sqlite

import (
	"bufio"
	"errors"
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

const (
	// crashRounds is an environment variable with the number of processes to kill; 3 when it is not set.
	crashRounds = "LATCHKEY_STORE_CRASH_ROUNDS"
	// crashSeed is one with the seed of a run that is to be repeated. It gives each child the same orders; where in its
	// work the kill meets it remains the machine's.
	crashSeed = "LATCHKEY_STORE_CRASH_SEED"
	// crashesOfOne is how many kills one file sees in a row. A round looks at all that was ever answered on its file.
	crashesOfOne = 10
)

// number returns that in the environment variable name, or other when it is not set.
func number(t *testing.T, name string, other uint64) uint64 {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return other
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// A process that is killed takes nothing with it that it had answered, leaves nothing half done, and leaves a whole file.
func TestKilledProcessLosesNothingItAnswered(t *testing.T) {
	rounds, seed := number(t, crashRounds, 3), number(t, crashSeed, rand.Uint64())
	t.Logf("repeat with %s=%d %s=%d", crashSeed, seed, crashRounds, rounds)
	folder := t.TempDir()
	var path string
	var answered map[string]bool // on the file at path: an earlier crash must not come back to life either
	sum := 0
	for round := range rounds {
		if round%crashesOfOne == 0 {
			if path != "" {
				_, _, _ = os.Remove(path), os.Remove(path+"-wal"), os.Remove(path+"-shm")
			}
			path, answered = filepath.Join(folder, strconv.FormatUint(round, 10)+".db"), make(map[string]bool)
			prepareForCrash(t, path)
		}
		r := rand.New(rand.NewPCG(seed, round))
		// Most kills come soon, because what a round costs is its writes, and some late. Few pages make it likely that the
		// kill meets the move of the log into the file.
		after, pages := 1+r.IntN(1<<(3+r.IntN(9))), []int{10, 100, 1000}[r.IntN(3)]
		lines := killInTheMiddle(t, path, after, pages)
		sum += len(lines)
		for _, line := range lines {
			answered[line] = true
		}
		checkAnswered(t, path, answered, lines)
		if t.Failed() {
			t.Fatalf("round %d: killed after %d answers, %d pages", round, len(lines), pages)
		}
	}
	t.Logf("%d kills, %d answers", rounds, sum)
}

// prepareForCrash makes a file at path with what the child relies on.
func prepareForCrash(t *testing.T, path string) {
	t.Helper()
	s := open(t, path)
	if err := s.AddPerson(t.Context(), store.Person{ID: crashPerson, Name: "crash", Created: noon, PasswordChanged: noon}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// killInTheMiddle runs a child and kills it when it has printed after lines or more. It returns all whole lines.
func killInTheMiddle(t *testing.T, path string, after, pages int) []string {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), crashChild+"="+path, crashCheckpoint+"="+strconv.Itoa(pages))
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
	if len(lines) < after || said.Len() > 0 {
		t.Fatalf("the child ended by itself after %d answers: %s", len(lines), said.String())
	}
	return lines
}

// checkAnswered opens the file again and looks for everything in answered, and tries again to redeem some codes of fresh.
func checkAnswered(t *testing.T, path string, answered map[string]bool, fresh []string) {
	t.Helper()
	s := open(t, path)
	kept := make(map[string]bool)
	for what, query := range map[string]string{
		"redeemed ": `SELECT id FROM session`, "stepped ": `SELECT session FROM session_step`, "recorded ": `SELECT id FROM audit_event`,
	} {
		ids := idsIn(t, s, query)
		for id := range ids {
			kept[what+id.String()] = true
			if what != "redeemed " && !ids[twin(id)] {
				t.Errorf("%s is there without what was written in one transaction with it", what+id.String())
			}
		}
	}
	checkNotices(t, s, kept)
	checkGenerations(t, s, answered)
	for line := range answered {
		if !kept[line] && !strings.HasPrefix(line, "advanced ") {
			t.Errorf("%q was answered before a kill, and is gone", line)
		}
	}
	var wg sync.WaitGroup
	for _, line := range fresh[max(0, len(fresh)-50):] {
		if id, ok := strings.CutPrefix(line, "redeemed "); ok {
			wg.Go(func() { checkSpent(t, s, id) })
		}
	}
	wg.Wait()
	var verdict string
	if err := s.query(t.Context(), `PRAGMA integrity_check`).scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check = %q, %v, want ok", verdict, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// idsIn returns what query finds.
func idsIn(t *testing.T, s *Store, query string) map[signin.SessionID]bool {
	t.Helper()
	ids := make(map[signin.SessionID]bool)
	err := s.query(t.Context(), query).each(func(row scanner) error {
		var id signin.SessionID
		err := row.Scan(fixed(id[:]))
		ids[id] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// checkNotices adds the notices to kept, and checks that their numbers rise and that the newest change of the password is
// also what the person has.
func checkNotices(t *testing.T, s *Store, kept map[string]bool) {
	t.Helper()
	changed := noon
	for after := int64(0); ; {
		got, err := s.NoticesAfter(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			break
		}
		for _, n := range got {
			if n.Seq <= after {
				t.Fatalf("NoticesAfter gave Seq %d after %d", n.Seq, after)
			}
			after = n.Seq
			if n.Reason == signin.ChangedCredentials {
				changed = n.At
			} else {
				kept["announced "+n.Subject] = true
			}
		}
	}
	if p, err := s.PersonByID(t.Context(), crashPerson); err != nil || !p.PasswordChanged.Equal(changed) {
		t.Errorf("the password was changed at %v, %v, but the newest notice of it is of %v", p.PasswordChanged, err, changed)
	}
}

// checkGenerations checks that no two callers were told that they advanced a session from the same generation, before
// whichever kill each was told so, and that the file has each generation of which somebody was told.
func checkGenerations(t *testing.T, s *Store, answered map[string]bool) {
	t.Helper()
	requests := make(map[store.Generation]string) // by session and generation
	highest := make(map[signin.SessionID]int64)
	for line := range answered {
		fields := strings.Fields(line)
		if fields[0] != "advanced" {
			continue
		}
		id, err := signin.ParseSessionID(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		from, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		key := store.Generation{Session: id, Generation: from + 1}
		if other, ok := requests[key]; ok {
			t.Errorf("session %s was advanced from generation %d by the requests %s and %s", id, from, other, fields[3])
		}
		requests[key], highest[id] = fields[3], max(highest[id], from+1)
	}
	for _, id := range crashSessions {
		generation, err := s.GenerationOf(t.Context(), id)
		if err != nil || generation < highest[id] {
			t.Errorf("session %s is in generation %d, %v, and somebody was told that it is in %d", id, generation, err, highest[id])
		}
		for g := highest[id]; g > 0 && g > highest[id]-3; g-- { // who was told is told again, unless the session went on
			request, ok := requests[store.Generation{Session: id, Generation: g}]
			if !ok {
				continue
			}
			want := error(nil)
			if g != generation {
				want = store.ErrReused
			}
			if _, err := s.AdvanceGeneration(t.Context(), crashAdvance(id, g-1, request), noon); !errors.Is(err, want) {
				t.Errorf("the request that brought session %s to generation %d got %v again, want %v", id, g, err, want)
			}
			if _, err := s.AdvanceGeneration(t.Context(), crashAdvance(id, g-1, "another"), noon); !errors.Is(err, store.ErrReused) {
				t.Errorf("another request that brings session %s to generation %d got %v, want ErrReused", id, g, err)
			}
		}
	}
}

// checkSpent redeems the code of an id once more.
func checkSpent(t *testing.T, s *Store, id string) {
	sid, err := signin.ParseSessionID(id)
	if err != nil {
		t.Error(err)
		return
	}
	code := session(noon)
	code.ID = sid
	if err := s.RedeemCode(t.Context(), code); !errors.Is(err, store.ErrSpent) {
		t.Errorf("RedeemCode of %s, which was answered before the kill = %v, want ErrSpent", id, err)
	}
}

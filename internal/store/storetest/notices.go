package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var noticeTests = []test{
	{"NoticesComeInTheOrderOfTheirSeq", func(t *testing.T, db *database) {
		s := db.open(t)
		want := []signin.Notice{
			{Reason: signin.RevokedSession, Subject: "a", At: noon, Expires: later},
			{Reason: signin.SignedOutBrowser, Subject: "b", At: noon.Add(-time.Hour), Expires: later.Add(-time.Hour)},
			{Reason: signin.RevokedSession, Subject: "a", At: noon, Expires: later}, // the same again
		}
		for _, n := range want {
			n.Seq = 99 // is not the caller's to give
			must(t, "Announce", s.Announce(t.Context(), n))
		}
		got := noticesAfter(t, s, 0, 10)
		for i := range got {
			if got[i].Seq <= 0 || (i > 0 && got[i].Seq <= got[i-1].Seq) {
				t.Errorf("notice %d has Seq %d after %d, want rising numbers from 1 on", i, got[i].Seq, got[max(0, i-1)].Seq)
			}
			got[i].Seq = 0
		}
		if d := diff(want, got); d != "" {
			t.Errorf("NoticesAfter: (-announced +got)\n%s", d)
		}
	}},
	{"NoticesAfterStartsAfterAndKeepsToTheLimit", func(t *testing.T, db *database) {
		s := db.open(t)
		for i := range 5 {
			must(t, "Announce", s.Announce(t.Context(), revoked(numbered("s", i))))
		}
		all := noticesAfter(t, s, 0, 10)
		if len(all) != 5 {
			t.Fatalf("NoticesAfter(0, 10) gave %d notices, want 5", len(all))
		}
		for _, c := range []struct {
			after int64
			limit int
			want  []signin.Notice
		}{
			{-1, 10, all}, {0, 2, all[:2]}, {all[1].Seq, 2, all[2:4]}, {all[3].Seq, 10, all[4:]}, {all[4].Seq, 10, nil},
			{1 << 62, 10, nil}, {0, 0, nil}, {0, -1, nil},
		} {
			if d := diff(c.want, noticesAfter(t, s, c.after, c.limit)); d != "" {
				t.Errorf("NoticesAfter(%d, %d): (-want +got)\n%s", c.after, c.limit, d)
			}
		}
	}},
	{"FollowerMissesNothingUnderConcurrency", func(t *testing.T, db *database) { followWhileAnnouncing(t, db) }},
	{"SeqNeverComesAgainAfterSweep", func(t *testing.T, db *database) {
		s := db.open(t)
		must(t, "Announce", s.Announce(t.Context(), revoked("a")))
		last := noticesAfter(t, s, 0, 10)[0].Seq
		_, err := s.Sweep(t.Context(), later.Add(time.Second), 10)
		must(t, "Sweep", err)
		must(t, "Close", s.Close())
		s = db.open(t) // no memory of the process helps
		must(t, "Announce", s.Announce(t.Context(), revoked("b")))
		if got := noticesAfter(t, s, 0, 10); len(got) != 1 || got[0].Seq <= last {
			t.Errorf("NoticesAfter = %v, want one notice with a Seq above %d, which was given before", got, last)
		}
	}},
	{"TakingAwayAnnounces", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		at, expires := noon.Add(time.Minute), later.Add(time.Minute)
		var last int64
		for _, c := range []struct {
			call    string
			err     error
			reason  signin.Reason // 0: none is announced
			subject string
		}{
			{"SetPassword", s.SetPassword(t.Context(), alice.ID, "h", at, expires), signin.ChangedCredentials, alice.ID},
			{"DisablePerson", s.DisablePerson(t.Context(), alice.ID, at, expires), signin.DisabledPerson, alice.ID},
			{"DisablePerson again", s.DisablePerson(t.Context(), alice.ID, at, expires), signin.DisabledPerson, alice.ID},
			{"EnablePerson", s.EnablePerson(t.Context(), alice.ID), 0, ""},
			{"SetRolePolicy that allows", s.SetRolePolicy(t.Context(), auditor.ID, "p", false, at, expires), signin.ChangedRole, auditor.ID},
			{"SetRolePolicy that denies", s.SetRolePolicy(t.Context(), developer.ID, "q", true, at, expires), signin.DeniedRole, developer.ID},
			{"Assign again", s.Assign(t.Context(), alice.ID, developer.ID), 0, ""},
			{"Unassign", s.Unassign(t.Context(), alice.ID, developer.ID, at, expires), signin.RemovedAssignment, signin.AssignmentSubject(alice.ID, developer.ID)},
		} {
			wantError(t, c.call, c.err, nil)
			if c.reason == 0 {
				continue
			}
			got := noticesAfter(t, s, last, 1)
			if len(got) != 1 {
				t.Fatalf("%s: NoticesAfter gave nothing, want its notice", c.call)
			}
			last = got[0].Seq
			want := signin.Notice{Seq: last, Reason: c.reason, Subject: c.subject, At: at, Expires: expires}
			if d := diff(want, got[0]); d != "" {
				t.Errorf("%s: (-want +announced)\n%s", c.call, d)
			}
		}
		if rest := noticesAfter(t, s, last, 10); len(rest) != 0 {
			t.Errorf("more was announced than was taken away: %v", rest)
		}
	}},
	{"TakingAwayWhatIsNotThereAnnouncesNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		wantError(t, "SetPassword", s.SetPassword(t.Context(), "AIDANOBODY", "h", noon, later), store.ErrNotFound)
		wantError(t, "DisablePerson", s.DisablePerson(t.Context(), "AIDANOBODY", noon, later), store.ErrNotFound)
		wantError(t, "EnablePerson", s.EnablePerson(t.Context(), "AIDANOBODY"), store.ErrNotFound)
		wantError(t, "SetRolePolicy", s.SetRolePolicy(t.Context(), "AROANOTHING", "p", true, noon, later), store.ErrNotFound)
		wantError(t, "Unassign", s.Unassign(t.Context(), bob.ID, developer.ID, noon, later), store.ErrNotFound)
		if got := noticesAfter(t, s, 0, 10); len(got) != 0 {
			t.Errorf("NoticesAfter = %v, want none", got)
		}
	}},
}

func noticesAfter(t *testing.T, s store.Store, after int64, limit int) []signin.Notice {
	t.Helper()
	got, err := s.NoticesAfter(t.Context(), after, limit)
	must(t, "NoticesAfter", err)
	return got
}

// followWhileAnnouncing announces through two stores from many callers while a follower reads the way a node does,
// keeping only the highest Seq, and checks that it has heard everything once.
func followWhileAnnouncing(t *testing.T, db *database) {
	stores := []store.Store{db.open(t), db.open(t)}
	const callers, each = 8, 20
	announced, cancel := context.WithCancel(t.Context())
	heard := make(map[string]int)
	followed := make(chan error, 1)
	go func() {
		var highest int64
		for {
			over := announced.Err() != nil // read first, so that the last look comes after the last notice
			got, err := stores[0].NoticesAfter(t.Context(), highest, 7)
			if err != nil || (over && len(got) == 0) {
				followed <- err
				return
			}
			for _, n := range got {
				if n.Seq <= highest {
					followed <- fmt.Errorf("NoticesAfter(%d) gave a notice with Seq %d", highest, n.Seq)
					return
				}
				heard[n.Subject]++
				highest = n.Seq
			}
		}
	}()
	errs := together(callers, func(i int) error {
		for j := range each {
			if err := stores[i%2].Announce(t.Context(), revoked(numbered("s", i*each+j))); err != nil {
				return err
			}
		}
		return nil
	})
	cancel()
	must(t, "NoticesAfter", <-followed)
	for i, err := range errs {
		wantError(t, numbered("Announce of caller ", i), err, nil)
	}
	for i := range callers * each {
		if n := heard[numbered("s", i)]; n != 1 {
			t.Errorf("the follower heard notice %d %d times, want once", i, n)
		}
	}
}

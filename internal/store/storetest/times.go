package storetest

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var timeTests = []test{
	{"TimesAreKeptToTheMillisecondInUTC", func(t *testing.T, db *database) {
		s := db.open(t)
		east := time.FixedZone("east", 5*3600+1800)
		for i, c := range []struct{ in, want time.Time }{
			{noon, noon},
			{noon.Add(999 * time.Microsecond), noon},
			{noon.Add(time.Millisecond - 1), noon},
			{noon.In(east), noon},
			{time.Unix(0, 0), time.Unix(0, 0)},
			{time.Unix(0, 1), time.Unix(0, 0)},
			{time.Unix(-1, 500_999_999), time.Unix(-1, 500_000_000)}, // cut off, not rounded, before 1970 too
			{time.Date(1901, 2, 3, 4, 5, 6, 7_000_000, time.UTC), time.Date(1901, 2, 3, 4, 5, 6, 7_000_000, time.UTC)},
			{time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)},
			{time.Time{}, time.Time{}},
		} {
			p := store.Person{ID: numbered("AIDA", i), Name: numbered("p", i), Created: c.in, PasswordChanged: c.in}
			must(t, "AddPerson", s.AddPerson(t.Context(), p))
			got, err := s.PersonByID(t.Context(), p.ID)
			must(t, "PersonByID", err)
			for _, at := range []time.Time{got.Created, got.PasswordChanged} {
				if !at.Equal(c.want) || at.Location() != time.UTC {
					t.Errorf("a person created at %v came back with %v, want %v in UTC", c.in, at, c.want)
				}
			}
		}
	}},
	{"EveryTimeOfASessionHasItsOwnPlace", func(t *testing.T, db *database) {
		s := db.open(t)
		want := session(noon)
		want.AuthTime, want.Issued, want.Start, want.End = noon.Add(1*time.Millisecond), noon.Add(2*time.Millisecond), noon.Add(3*time.Second), noon.Add(4*time.Hour)
		must(t, "RedeemCode", s.RedeemCode(t.Context(), want))
		got, err := s.SessionByID(t.Context(), want.ID)
		if err != nil || got != want { // the same instants, in UTC, without a monotonic part
			t.Errorf("SessionByID = %v, %v, want %v", got, err, want)
		}
	}},
	{"TimesOfChangesAreTheCallers", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		at, expires := noon.AddDate(-20, 0, 0).Add(1500*time.Microsecond), noon.AddDate(20, 0, 0)
		must(t, "SetPassword", s.SetPassword(t.Context(), alice.ID, "h", at, expires))
		p, err := s.PersonByID(t.Context(), alice.ID)
		must(t, "PersonByID", err)
		if want := at.Truncate(time.Millisecond); !p.PasswordChanged.Equal(want) {
			t.Errorf("PasswordChanged = %v, want %v", p.PasswordChanged, want)
		}
		want := signin.Notice{Seq: 1, Reason: signin.ChangedCredentials, Subject: alice.ID, At: at.Truncate(time.Millisecond), Expires: expires}
		got := noticesAfter(t, s, 0, 10)
		if len(got) == 1 {
			want.Seq = got[0].Seq
		}
		if d := diff([]signin.Notice{want}, got); d != "" {
			t.Errorf("NoticesAfter: (-want +got)\n%s", d)
		}
	}},
	{"KeyThatNeverExpiresComesBackWithTheZeroTime", func(t *testing.T, db *database) {
		s := db.open(t)
		epoch := store.RingKey{ID: 2, Created: noon, UseFrom: noon, Expires: time.Unix(0, 0).UTC(), Wrapped: []byte("w")}
		must(t, "AddRingKeys", s.AddRingKeys(t.Context(), 0, []store.RingKey{firstKey, epoch}))
		ring, err := s.RingKeys(t.Context())
		must(t, "RingKeys", err)
		if len(ring) != 2 || !ring[0].Expires.IsZero() || !ring[1].Expires.Equal(epoch.Expires) {
			t.Errorf("RingKeys = %v, want a first that never expires and a second that expired in 1970", ring)
		}
	}},
}

package storetest

import (
	"errors"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	racers    = 64 // callers for one code
	racedOver = 15 // codes
)

var raceTests = []test{
	{"OneOfManyRedeemersWins", func(t *testing.T, db *database) { raceForCodes(t, db.open(t)) }},
	// Two stores stand for two nodes, or for a server and a command beside it.
	{"OneOfManyRedeemersWinsAcrossStores", func(t *testing.T, db *database) { raceForCodes(t, db.open(t), db.open(t)) }},
	{"WinnersOfAllCodesAtOnce", func(t *testing.T, db *database) {
		s := db.open(t)
		codes := make([]signin.Session, racedOver)
		for i := range codes {
			codes[i] = session(noon)
		}
		errs := together(racedOver*racers, func(i int) error { return s.RedeemCode(t.Context(), codes[i%racedOver]) })
		for code := range codes {
			var of []error
			for i := code; i < len(errs); i += racedOver {
				of = append(of, errs[i])
			}
			onlyWinner(t, numbered("RedeemCode of code ", code), of, store.ErrSpent)
		}
	}},
	{"OneOfManyTakesTheName", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		errs := together(16, func(i int) error {
			return stores[i%2].AddPerson(t.Context(), store.Person{ID: numbered("AIDA", i), Name: "alice", Created: noon, PasswordChanged: noon})
		})
		winner := onlyWinner(t, "AddPerson", errs, store.ErrExists)
		got, err := stores[0].PersonByName(t.Context(), "alice")
		if want := numbered("AIDA", winner); err != nil || got.ID != want {
			t.Errorf("PersonByName = %q, %v, want the winner's %q", got.ID, err, want)
		}
	}},
	{"OneOfManyNodesMakesTheRing", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		errs := together(16, func(i int) error {
			made := []store.RingKey{
				{ID: uint32(2*i + 1), Purpose: "envelope", Created: noon, UseFrom: noon, Wrapped: []byte("a")},
				{ID: uint32(2*i + 2), Purpose: "id-token", Created: noon, UseFrom: noon, Wrapped: []byte("b")},
			}
			return stores[i%2].AddRingKeys(t.Context(), 0, made)
		})
		winner := onlyWinner(t, "AddRingKeys", errs, store.ErrExists)
		ring, err := stores[1].RingKeys(t.Context())
		if err != nil || len(ring) != 2 || ring[0].ID != uint32(2*winner+1) || ring[1].ID != uint32(2*winner+2) {
			t.Errorf("RingKeys = %v, %v, want the two keys of caller %d", ring, err, winner)
		}
	}},
	// Writes may share a transaction inside a driver; one that fails must not take others along.
	{"FailingWritesDoNotHurtOthers", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		codes := make([]signin.Session, 100)
		for i := range codes {
			codes[i] = session(noon)
		}
		errs := together(3*len(codes), func(i int) error {
			switch n := i / 3; i % 3 {
			case 0:
				return s.RedeemCode(t.Context(), codes[n])
			case 1:
				// Its first redirect URI is added before the second is refused.
				c := signin.Client{ID: numbered("client", n), Class: signin.Confidential, Principal: robot.ID, RedirectURIs: []string{"a", "\xff"}}
				if err := s.AddClient(t.Context(), c); err == nil {
					return errors.New("AddClient with text that is not UTF-8 = nil, want an error")
				}
				return nil
			default:
				if err := s.AddPerson(t.Context(), alice); !errors.Is(err, store.ErrExists) {
					return errors.New("AddPerson of one that exists gave another error than ErrExists")
				}
				return nil
			}
		})
		for i, err := range errs {
			wantError(t, numbered("write ", i), err, nil)
		}
		for i, c := range codes {
			_, err := s.SessionByID(t.Context(), c.ID)
			wantError(t, numbered("SessionByID of code ", i), err, nil)
			_, err = s.ClientByID(t.Context(), numbered("client", i))
			wantError(t, numbered("ClientByID of refused client ", i), err, store.ErrNotFound)
		}
		if d := diff(furnished(), contentsOf(t, s)); d != "" {
			t.Errorf("contents after writes that failed: (-before +after)\n%s", d)
		}
	}},
}

// raceForCodes has racers redeem each code at once, evenly over stores, each with a key of its own, and checks that one
// wins and that every store then knows that one's session.
func raceForCodes(t *testing.T, stores ...store.Store) {
	for code := range racedOver {
		base := session(noon)
		attempts := make([]signin.Session, racers)
		for i := range attempts {
			attempts[i] = base
			attempts[i].Key = signin.Thumbprint{byte(i), 1}
		}
		errs := together(racers, func(i int) error { return stores[i%len(stores)].RedeemCode(t.Context(), attempts[i]) })
		winner := onlyWinner(t, numbered("RedeemCode of code ", code), errs, store.ErrSpent)
		for _, s := range stores {
			got, err := s.SessionByID(t.Context(), base.ID)
			wantError(t, "SessionByID", err, nil)
			if d := diff(attempts[winner], got); d != "" {
				t.Errorf("SessionByID: (-winner's +got)\n%s", d)
			}
		}
	}
}

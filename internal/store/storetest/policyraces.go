package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var policyRaceTests = []test{
	{"OneOfManyAttaches", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		last := organize(t, stores[0])
		errs := together(administrators, func(i int) error {
			return stores[i%2].AttachPolicy(t.Context(), attach(store.ToGroup, operators.ID, readOnly.ARN), false, noon, later)
		})
		onlyWinner(t, "AttachPolicy", errs, store.ErrExists)
		last = wantAnnounced(t, "AttachPolicy", stores[1], last, signin.ChangedPolicies, alice.ID, bob.ID)
		errs = together(administrators, func(i int) error {
			return stores[i%2].DetachPolicy(t.Context(), attach(store.ToGroup, operators.ID, readOnly.ARN), noon, later)
		})
		onlyWinner(t, "DetachPolicy", errs, store.ErrNotFound)
		wantAnnounced(t, "DetachPolicy", stores[0], last, signin.ChangedPolicies, alice.ID, bob.ID)
	}},
	{"EnteringAtOnceIsAnnouncedOnce", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		last := organize(t, stores[0])
		errs := together(administrators, func(i int) error { return stores[i%2].AddMember(t.Context(), staff.ID, alice.ID, noon, later) })
		wantAll(t, "AddMember", errs, nil)
		last = wantAnnounced(t, "AddMember", stores[1], last, signin.ChangedPolicies, alice.ID)
		errs = together(administrators, func(i int) error { return stores[i%2].RemoveMember(t.Context(), staff.ID, alice.ID, noon, later) })
		onlyWinner(t, "RemoveMember", errs, store.ErrNotFound)
		wantAnnounced(t, "RemoveMember", stores[1], last, signin.ChangedPolicies, alice.ID)
	}},
	// A policy that somebody attaches while another removes it would be an attachment without a document: nothing would be
	// denied that it denies.
	{"NothingIsAttachedThatWasRemoved", func(t *testing.T, db *database) {
		stores := []store.Store{db.open(t), db.open(t)}
		organize(t, stores[0])
		ctx := t.Context()
		for round := range 15 {
			p := store.ManagedPolicy{ARN: numbered("arn:aws:iam::111122223333:policy/p", round), Account: acme.ID, Document: "{}", Created: noon}
			must(t, "AddManagedPolicy", stores[0].AddManagedPolicy(ctx, p))
			targets := []store.Target{toAlice, toForeign, toOperators}
			errs := together(2*len(targets), func(i int) error {
				if i%2 == 0 {
					return stores[0].AttachPolicy(ctx, store.Attachment{Target: targets[i/2], Policy: p.ARN}, false, noon, later)
				}
				return stores[1].RemoveManagedPolicy(ctx, p.ARN)
			})
			removed := false
			for i := 1; i < len(errs); i += 2 {
				removed = removed || errs[i] == nil
				if errs[i] != nil && !errors.Is(errs[i], store.ErrInUse) && !errors.Is(errs[i], store.ErrNotFound) {
					t.Errorf("RemoveManagedPolicy = %v", errs[i])
				}
			}
			for i := 0; i < len(errs); i += 2 {
				want := error(nil)
				if removed {
					want = store.ErrNotFound
				}
				wantError(t, fmt.Sprintf("AttachPolicy in a round where one removed it: %v", removed), errs[i], want)
			}
			got, err := stores[0].AttachedTo(ctx, targets...)
			if err != nil || (len(got) > 0 && removed) {
				t.Errorf("AttachedTo = %v, %v, though the policy was removed", got, err)
			}
			for _, a := range got {
				must(t, "DetachPolicy", stores[0].DetachPolicy(ctx, a.Attachment, noon, later))
			}
		}
	}},
	// Something is always attached to alice or to her role, first to the one and then to the other, so whoever reads the two one
	// after the other sees a moment that never was.
	{"PoliciesOfPrincipalAreOfOneMoment", func(t *testing.T, db *database) {
		writer, reader := db.open(t), db.open(t)
		organize(t, writer)
		ctx := t.Context()
		person, role := attach(store.ToPerson, alice.ID, readOnly.ARN), attach(store.ToRole, foreign.ID, readOnly.ARN)
		must(t, "AttachPolicy", writer.AttachPolicy(ctx, person, false, noon, later))
		whileWriting(t, func() error {
			for range 25 {
				err := errors.Join(
					writer.AttachPolicy(ctx, role, false, noon, later), writer.DetachPolicy(ctx, person, noon, later),
					writer.AttachPolicy(ctx, person, false, noon, later), writer.DetachPolicy(ctx, role, noon, later))
				if err != nil {
					return err
				}
			}
			return nil
		}, func() error {
			_, got, err := reader.PoliciesOfPrincipal(ctx, alice.ID, foreign.ID)
			if err != nil || len(got) == 0 || len(got) > 2 {
				return fmt.Errorf("PoliciesOfPrincipal = %v, %v, want one or two", got, err)
			}
			return nil
		})
	}},
	// Whoever sees a change has heard, or can hear now, of everybody whom it is about.
	{"ChangeAndItsNoticesAreOneTransaction", func(t *testing.T, db *database) {
		writer, reader := db.open(t), db.open(t)
		last := organize(t, writer)
		ctx := t.Context()
		must(t, "AttachPolicy", writer.AttachPolicy(ctx, attach(store.ToGroup, operators.ID, readOnly.ARN), false, noon, later))
		last += 2
		whileWriting(t, func() error {
			for i := range 50 {
				if err := writer.SetManagedPolicy(ctx, readOnly.ARN, numbered("", i), noon, later); err != nil {
					return err
				}
			}
			return nil
		}, func() error {
			got, err := reader.AttachedTo(ctx, toOperators)
			if err != nil || len(got) != 1 {
				return fmt.Errorf("AttachedTo = %v, %v", got, err)
			}
			notices, err := reader.NoticesAfter(ctx, last, 1000)
			if err != nil || len(notices)%2 != 0 {
				return fmt.Errorf("NoticesAfter gave %d notices of changes that are about two people, %v", len(notices), err)
			}
			var seen int
			if _, err := fmt.Sscanf(got[0].Document, "%d", &seen); err == nil && len(notices) < 2*(seen+1) {
				return fmt.Errorf("document %d is there and %d notices are", seen, len(notices))
			}
			return nil
		})
	}},
}

// whileWriting calls read again and again while write runs, and once after it. Both fail the test with their errors.
func whileWriting(t *testing.T, write, read func() error) {
	t.Helper()
	over, end := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() {
		defer end()
		written <- write()
	}()
	for last := false; ; {
		if err := read(); err != nil {
			t.Errorf("beside a writer: %v", err)
			break
		}
		if last {
			break
		}
		last = over.Err() != nil
	}
	wantError(t, "writing", <-written, nil)
}

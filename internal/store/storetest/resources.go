package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// registry returns a resource of an account.
func registry(account, identifier string) store.Resource {
	return store.Resource{Resource: signin.Resource{Account: account, Identifier: identifier, Service: "registry-" + identifier}, Created: noon}
}

// The issuers of the tests; the order of their ids is not that in which they are listed.
var (
	builds  = store.TrustedIssuer{ID: "3", Account: acme.ID, Issuer: "https://builds.example", Audience: "acme", Rules: `{"a":1}`, Created: noon}
	builds2 = store.TrustedIssuer{ID: "1", Account: globex.ID, Issuer: "https://builds.example", Audience: "Acme", Rules: `{"b":1}`, Created: noon}
	cluster = store.TrustedIssuer{ID: "2", Account: acme.ID, Issuer: "https://cluster.example", Audience: "acme", Rules: `{}`, Created: noon.Add(time.Hour)}
	builds0 = store.TrustedIssuer{ID: "4", Account: acme.ID, Issuer: "https://builds.example", Audience: "", Rules: ``, Created: noon}
)

var resourceTests = []test{
	{"ResourcesAreFoundByAccountAndIdentifier", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		ctx := t.Context()
		first, second, other := registry(acme.ID, "https://a.example"), registry(acme.ID, "https://b.example"), registry(globex.ID, "https://b.example")
		for _, r := range []store.Resource{second, other, first} {
			must(t, "AddResource", s.AddResource(ctx, r))
		}
		for _, want := range []store.Resource{first, second, other} {
			got, err := s.ResourceByIdentifier(ctx, want.Account, want.Identifier)
			if d := diff(want, got); err != nil || d != "" {
				t.Errorf("ResourceByIdentifier: %v (-want +got)\n%s", err, d)
			}
		}
		wantResources(t, s, acme.ID, first, second)
		wantResources(t, s, globex.ID, other)
		wantResources(t, s, "999999999999")
		for identifier, want := range map[string][]store.Resource{"https://a.example": {first}, "https://b.example": {second, other}, "https://B.example": nil} {
			got, err := s.ResourcesCalled(ctx, identifier)
			if d := diff(want, got); err != nil || d != "" {
				t.Errorf("ResourcesCalled(%s): %v (-want +got)\n%s", identifier, err, d)
			}
		}
		must(t, "RemoveResource", s.RemoveResource(ctx, acme.ID, second.Identifier))
		wantResources(t, s, acme.ID, first)
		wantResources(t, s, globex.ID, other)
		must(t, "AddResource after it was removed", s.AddResource(ctx, second))
		wantResources(t, s, acme.ID, first, second)
	}},
	{"TrustedIssuersAreFoundByIssuer", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		ctx := t.Context()
		for _, i := range []store.TrustedIssuer{builds2, cluster, builds, builds0} {
			must(t, "AddTrustedIssuer", s.AddTrustedIssuer(ctx, i))
		}
		wantIssuers(t, s, builds0, builds, cluster, builds2)
		for issuer, want := range map[string][]store.TrustedIssuer{
			builds.Issuer: {builds0, builds, builds2}, cluster.Issuer: {cluster}, "https://Cluster.example": nil, builds.Issuer + "/": nil,
		} {
			got, err := s.TrustedIssuersCalled(ctx, issuer)
			if d := diff(want, got); err != nil || d != "" {
				t.Errorf("TrustedIssuersCalled(%s): %v (-want +got)\n%s", issuer, err, d)
			}
		}
		must(t, "RemoveTrustedIssuer", s.RemoveTrustedIssuer(ctx, builds.ID))
		wantIssuers(t, s, builds0, cluster, builds2)
		again := builds
		again.ID = "5"
		must(t, "AddTrustedIssuer after it was removed", s.AddTrustedIssuer(ctx, again))
		wantIssuers(t, s, builds0, again, cluster, builds2)
	}},
	{"ConflictsOfResourcesChangeNothing", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		must(t, "AddResource", s.AddResource(t.Context(), registry(acme.ID, "a")))
		must(t, "AddTrustedIssuer", s.AddTrustedIssuer(t.Context(), builds))
		wantRefused(t, s, []refusal{
			{"AddResource with a taken identifier", store.ErrExists, func(ctx context.Context, s store.Store) error {
				r := registry(acme.ID, "a")
				r.Service = "other"
				return s.AddResource(ctx, r)
			}},
			{"AddResource in an unknown account", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.AddResource(ctx, registry("999999999999", "a"))
			}},
			{"RemoveResource of another account", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.RemoveResource(ctx, globex.ID, "a")
			}},
			{"ResourceByIdentifier of another account", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				_, err := s.ResourceByIdentifier(ctx, globex.ID, "a")
				return err
			}},
			{"AddTrustedIssuer with a taken id", store.ErrExists, func(ctx context.Context, s store.Store) error {
				taken := cluster
				taken.ID = builds.ID
				return s.AddTrustedIssuer(ctx, taken)
			}},
			// One token must not be taken by two accounts.
			{"AddTrustedIssuer with a taken issuer and audience", store.ErrExists, func(ctx context.Context, s store.Store) error {
				taken := builds
				taken.ID, taken.Account = "other", globex.ID
				return s.AddTrustedIssuer(ctx, taken)
			}},
			{"AddTrustedIssuer in an unknown account", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				homeless := cluster
				homeless.Account = "999999999999"
				return s.AddTrustedIssuer(ctx, homeless)
			}},
			{"RemoveTrustedIssuer", store.ErrNotFound, func(ctx context.Context, s store.Store) error {
				return s.RemoveTrustedIssuer(ctx, builds.Issuer)
			}},
		})
	}},
	{"OneOfManyTakesTheIdentifier", func(t *testing.T, db *database) {
		s, errs := administer(t, db, func(s store.Store, i int) error {
			r := registry(acme.ID, "a")
			r.Service = numbered("service", i)
			return s.AddResource(t.Context(), r)
		})
		winner := onlyWinner(t, "AddResource", errs, store.ErrExists)
		got, err := s.ResourceByIdentifier(t.Context(), acme.ID, "a")
		if want := numbered("service", winner); err != nil || got.Service != want {
			t.Errorf("ResourceByIdentifier = %q, %v, want the winner's %q", got.Service, err, want)
		}
	}},
}

func wantResources(t *testing.T, s store.Store, account string, want ...store.Resource) {
	t.Helper()
	got, err := s.Resources(t.Context(), account)
	if d := diff(want, got); err != nil || d != "" {
		t.Errorf("Resources(%s): %v (-want +got)\n%s", account, err, d)
	}
}

func wantIssuers(t *testing.T, s store.Store, want ...store.TrustedIssuer) {
	t.Helper()
	got, err := s.TrustedIssuers(t.Context())
	if d := diff(want, got); err != nil || d != "" {
		t.Errorf("TrustedIssuers: %v (-want +got)\n%s", err, d)
	}
}

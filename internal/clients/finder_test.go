package clients

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

func newFinder(t *testing.T, patterns ...string) (*Finder, store.Store) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), noon, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	list, err := signin.ParseRedirectList(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return &Finder{Directory: db, Grants: db, Redirects: list}, db
}

// register registers a client for a day.
func register(t *testing.T, db store.Store, m Metadata) string {
	t.Helper()
	if m.ClientID == "" {
		m.ClientID = signin.DynamicClientID("us-east-1", signin.NewSessionID(noon))
	}
	row, err := m.Registration(noon, noon.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.RegisterClient(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	return m.ClientID
}

func TestBuiltInAndConfidentialClientsAreFound(t *testing.T) {
	f, db := newFinder(t)
	for _, id := range []string{signin.SameDevice, signin.CrossDevice} {
		if c, err := f.Find(t.Context(), id, anybody(), noon); err != nil || c.ID != id || c.Class != signin.Devtools {
			t.Errorf("Find(%s) = %+v, %v", id, c, err)
		}
	}
	user := store.ServiceUser{ID: signin.NewUniqueID(signin.PrefixPerson), Account: "111122223333", Name: "app", Policy: "{}", Created: noon}
	app := signin.Client{ID: signin.ConfidentialPrefix + "app", Class: signin.Confidential, Name: "app", Principal: user.ID, RedirectURIs: []string{"https://app.example/cb"}}
	for _, err := range []error{
		db.AddAccount(t.Context(), store.Account{ID: user.Account, Name: "a", Created: noon}), db.AddServiceUser(t.Context(), user), db.AddClient(t.Context(), app),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	// The list of redirect URIs is for strangers: what an administrator registered stays.
	if c, err := f.Find(t.Context(), app.ID, anybody(), noon); err != nil || c.Principal != user.ID || len(c.RedirectURIs) != 1 {
		t.Errorf("Find(%s) = %+v, %v", app.ID, c, err)
	}
}

func TestRegisteredClientIsFoundUntilItsRegistrationEnds(t *testing.T) {
	f, db := newFinder(t, "https://claude.ai/*")
	id := register(t, db, Metadata{Name: "Tool\u202e", RedirectURIs: []string{"https://claude.ai/cb", "http://localhost/cb"}, GrantTypes: []string{"authorization_code"}})
	c, err := f.Find(t.Context(), id, anybody(), noon.Add(24*time.Hour-time.Millisecond))
	if err != nil || c.ID != id || c.Class != signin.Dynamic || c.Name != "Tool" || len(c.RedirectURIs) != 2 || c.MayRefresh() || !c.Expires.Equal(noon.Add(24*time.Hour)) {
		t.Errorf("Find = %+v, %v", c, err)
	}
	// It is still in the store.
	if _, err := f.Find(t.Context(), id, anybody(), noon.Add(24*time.Hour)); signin.KindOf(err) != signin.ClientUnknown {
		t.Errorf("Find at the end of the registration = %v, want ClientUnknown", err)
	}
}

// Attack: policies deny a client by its ARN, so it comes under another spelling of its id: the same UUID in another region.
func TestRegisteredClientHasOneID(t *testing.T) {
	f, db := newFinder(t)
	id := register(t, db, Metadata{RedirectURIs: []string{"http://localhost/cb"}, GrantTypes: []string{"authorization_code"}})
	for _, other := range []string{
		strings.Replace(id, "us-east-1", "eu-west-1", 1), strings.ToUpper(id), id + " ", id[:len(id)-1],
		id[:len(id)-12] + strings.ToUpper(id[len(id)-12:]) + "", "arn:aws:signin:us-east-1::external-client/dcr/" + signin.NewSessionID(noon).String(),
	} {
		if other == id { // no letter in its last part
			continue
		}
		if c, err := f.Find(t.Context(), other, anybody(), noon); signin.KindOf(err) != signin.ClientUnknown {
			t.Errorf("Find(%s), where %s is registered, = %+v, %v", other, id, c, err)
		}
	}
	// What was registered before the region was changed keeps its id.
	old := register(t, db, Metadata{ClientID: signin.DynamicClientID("eu-west-1", signin.NewSessionID(noon)), RedirectURIs: []string{"http://localhost/cb"}, GrantTypes: []string{"authorization_code"}})
	if c, err := f.Find(t.Context(), old, anybody(), noon); err != nil || c.ID != old {
		t.Errorf("Find of a client of another region = %+v, %v", c, err)
	}
}

// An operator who takes a pattern out of the list closes it for those too that registered under it.
func TestListOfTodayHoldsForRegistrationsOfYesterday(t *testing.T) {
	f, db := newFinder(t, "https://claude.ai/*")
	id := register(t, db, Metadata{RedirectURIs: []string{"https://claude.ai/cb", "https://evil.example/cb"}, GrantTypes: []string{"authorization_code"}})
	c, err := f.Find(t.Context(), id, anybody(), noon)
	if err != nil || strings.Join(c.RedirectURIs, " ") != "https://claude.ai/cb" {
		t.Errorf("Find = %+v, %v; want the redirect URI of the list alone", c, err)
	}
}

func TestNobodyIsRegisteredWhereRegistrationIsOff(t *testing.T) {
	f, db := newFinder(t)
	id := register(t, db, Metadata{RedirectURIs: []string{"http://localhost/cb"}, GrantTypes: []string{"authorization_code"}})
	f.Grants = nil
	if _, err := f.Find(t.Context(), id, anybody(), noon); signin.KindOf(err) != signin.ClientUnknown {
		t.Errorf("Find = %v, want ClientUnknown", err)
	}
}

func TestIDsOfNobodyAreRefused(t *testing.T) {
	f, _ := newFinder(t)
	for _, id := range []string{
		"", "x", "arn:aws:signin:::devtools/other", signin.ConfidentialPrefix, signin.ConfidentialPrefix + "nobody", signin.ConfidentialPrefix + "NOBODY",
		"arn:aws:signin:us-east-1::external-client/dcr/", "arn:aws:signin:us-east-1::external-client/dcr/x", "http://client.example/x",
		"arn:aws:signin:::external-client/dcr/" + signin.NewSessionID(noon).String(), "https://client.example/x", "\x00", "\xff", strings.Repeat("a", 10000),
	} {
		_, err := f.Find(t.Context(), id, anybody(), noon)
		fault, ok := errors.AsType[*signin.Fault](err)
		if !ok || fault.Kind != signin.ClientUnknown || fault.Message == "" || len(id) > 1 && strings.Contains(fault.Message, id) {
			t.Errorf("Find(%.80q) = %v, want ClientUnknown without the id", id, err)
		}
	}
}

// A database that is away is no reason to tell a client that it is unknown: it would throw away what it has.
func TestDatabaseThatIsAwayMakesNobodyUnknown(t *testing.T) {
	f, db := newFinder(t)
	id := register(t, db, Metadata{RedirectURIs: []string{"http://localhost/cb"}, GrantTypes: []string{"authorization_code"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, id := range []string{id, signin.ConfidentialPrefix + "app"} {
		if _, err := f.Find(ctx, id, anybody(), noon); err == nil || signin.KindOf(err) == signin.ClientUnknown {
			t.Errorf("Find(%s) = %v, want an error that is no ClientUnknown", id, err)
		}
	}
}

func TestGrantTypesOfAClient(t *testing.T) {
	for asked, want := range map[string]string{
		"": "authorization_code refresh_token", "authorization_code": "authorization_code", "authorization_code refresh_token": "authorization_code refresh_token",
		"refresh_token authorization_code": "refresh_token authorization_code", "authorization_code authorization_code": "authorization_code",
		"refresh_token": "", "client_credentials": "", "authorization_code client_credentials": "", "authorization_code urn:ietf:params:oauth:grant-type:token-exchange": "",
		"AUTHORIZATION_CODE": "", "implicit": "",
	} {
		got, err := GrantTypes(strings.Fields(asked))
		if strings.Join(got, " ") != want || (err == nil) != (want != "") || err != nil && signin.KindOf(err) != signin.MetadataInvalid {
			t.Errorf("GrantTypes(%s) = %q, %v; want %q", asked, got, err, want)
		}
	}
}

package storetest

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// noon is when the tests take place; it has milliseconds.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 159_000_000, time.UTC)

// later is when the notices of the tests expire.
var later = noon.Add(12 * time.Hour)

// session returns one that was approved at and redeemed some seconds after, with an id of its own.
func session(at time.Time) signin.Session {
	start := at.Add(7 * time.Second).Truncate(time.Second)
	return signin.Session{
		ID:        signin.NewSessionID(at),
		ClientID:  signin.SameDevice,
		Principal: signin.Principal{Account: "111122223333", Role: "Developer", RoleID: "AROADEVELOPER0000000", Person: "alice", PersonID: "AIDAALICE00000000000"},
		Key:       signin.Thumbprint{0: 0xff, 15: 0x00, 31: 0x01},
		AuthTime:  at.Add(-time.Minute),
		Issued:    at,
		AsOf:      4711,
		Start:     start,
		End:       start.Add(12 * time.Hour),
		Methods:   "pwd otp",
	}
}

// event returns one that happened at, about a person, with an id of its own.
func event(at time.Time, person string) store.AuditEvent {
	return store.AuditEvent{
		ID: signin.NewSessionID(at), At: at, Kind: "login", Request: "request", Session: "session", Client: "client",
		Principal: "principal", Person: person, Remote: "2001:db8::1", Detail: "What happened.",
	}
}

// The people and things of the directory tests.
var (
	acme      = store.Account{ID: "111122223333", Name: "Acme", Created: noon}
	globex    = store.Account{ID: "444455556666", Name: "Globex", Created: noon.Add(time.Second)}
	alice     = store.Person{ID: "AIDAALICE00000000000", Name: "alice", PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$YQ$YQ", Created: noon, PasswordChanged: noon.Add(time.Minute)}
	bob       = store.Person{ID: "AIDABOB0000000000000", Name: "bob", PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$Yg$Yg", Disabled: true, Created: noon.Add(time.Hour), PasswordChanged: noon.Add(time.Hour)}
	developer = store.Role{ID: "AROADEVELOPER0000000", Account: acme.ID, Name: "Developer", Policy: `{"Statement":[]}`, Created: noon}
	auditor   = store.Role{ID: "AROAAUDITOR000000000", Account: acme.ID, Name: "Auditor", Policy: `{}`, Created: noon}
	foreign   = store.Role{ID: "AROAFOREIGN000000000", Account: globex.ID, Name: "Developer", Policy: `{}`, Created: noon}
	robot     = store.ServiceUser{ID: "AIDAROBOT00000000000", Account: acme.ID, Name: "robot", Policy: `{"Version":"2012-10-17"}`, Created: noon}
	robotKey  = store.AccessKey{ID: "AKIAROBOT00000000000", User: robot.ID, RingKey: 4_294_967_295, Created: noon}
	portal    = signin.Client{
		ID: signin.ConfidentialPrefix + "portal", Class: signin.Confidential, Name: "The portal", Principal: robot.ID,
		RedirectURIs: []string{"https://portal.example/cb", "http://127.0.0.1/cb", "https://a.example/"},
	}
	firstKey  = store.RingKey{ID: 1, Purpose: "envelope", Created: noon, UseFrom: noon.Add(time.Hour), Wrapped: []byte{0, 1, 2, 0xff}}
	secondKey = store.RingKey{ID: 4_294_967_295, Purpose: "id-token", Created: noon, UseFrom: noon, Expires: later, Wrapped: []byte("wrapped"), PublicID: "kid-2"}
)

// furnish puts all of the above into s, and lets alice be a developer in both accounts and an auditor.
func furnish(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	for _, a := range []store.Account{acme, globex} {
		must(t, "AddAccount", s.AddAccount(ctx, a))
	}
	for _, p := range []store.Person{alice, bob} {
		must(t, "AddPerson", s.AddPerson(ctx, p))
	}
	for _, r := range []store.Role{developer, auditor, foreign} {
		must(t, "AddRole", s.AddRole(ctx, r))
		must(t, "Assign", s.Assign(ctx, alice.ID, r.ID))
	}
	must(t, "AddServiceUser", s.AddServiceUser(ctx, robot))
	must(t, "AddAccessKey", s.AddAccessKey(ctx, robotKey))
	must(t, "AddClient", s.AddClient(ctx, portal))
	must(t, "AddRingKeys", s.AddRingKeys(ctx, 0, []store.RingKey{secondKey, firstKey}))
}

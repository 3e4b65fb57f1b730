package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// oddTexts are all different, also where a database that folds case, trims, or normalises would take two for one.
var oddTexts = []string{
	"", " ", "a", "A", "a ", " a", "aa", "\u00e1" /* á */, "a\u0301" /* the same in two runes */, "\uff41", /* wide a */
	"\u00df" /* ß */, "ss", "I", "i", "\u0130" /* İ */, "\u0131" /* ı */, "K", "\u212a" /* kelvin */, "\ufb01" /* the ligature of */, "fi",
	`'`, `''`, `"`, "`", `\`, `\\`, `%`, `_`, `a%`, `?`, `?1`, `$1`, `:a`, `@a`, `--`, `;`, `'; DROP TABLE person; --`,
	"\t", "\n", "\r\n", "\x01", "\x7f", "\u0080", "\u200b", "\u202e", "\ufeff", "\ufffd", "\uffff", "\U0001f511", "\U0010ffff",
	"NULL", "null", "0", "00", "0x0", "1e3", "1000", "9223372036854775808", "true",
	"日本語", "עברית", strings.Repeat("x", 64), strings.Repeat("x", 63) + "y", strings.Repeat("é", 64), strings.Repeat("\U0001f511", 64),
}

// unkeepable is text that some database cannot keep, so no driver may.
var unkeepable = []string{"\x00", "a\x00", "\x00a", "\xff", "a\xc3", "\xed\xa0\x80" /* a surrogate */, "\xc0\x80"}

var textTests = []test{
	{"NamesAreKeptAndComparedByteByByte", func(t *testing.T, db *database) {
		s := db.open(t)
		for i, name := range oddTexts {
			p := store.Person{ID: numbered("AIDA", i), Name: name, PasswordHash: name, Created: noon, PasswordChanged: noon}
			if err := s.AddPerson(t.Context(), p); err != nil {
				t.Errorf("AddPerson(%+q) = %v, want nil", name, err)
			}
		}
		for i, name := range oddTexts {
			got, err := s.PersonByName(t.Context(), name)
			if want := numbered("AIDA", i); err != nil || got.ID != want || got.Name != name || got.PasswordHash != name {
				t.Errorf("PersonByName(%+q) = %q with name %+q and hash %+q, %v, want %q", name, got.ID, got.Name, got.PasswordHash, err, want)
			}
		}
		people, err := s.People(t.Context())
		must(t, "People", err)
		var names []string
		for _, p := range people {
			names = append(names, p.Name)
		}
		if want := slices.Sorted(slices.Values(oddTexts)); !slices.Equal(names, want) {
			t.Errorf("People come as %+q, want them in the order of bytes %+q", names, want)
		}
	}},
	{"IDsAreKeptAndComparedByteByByte", func(t *testing.T, db *database) {
		s := db.open(t)
		for i, id := range oddTexts {
			if err := s.AddAccount(t.Context(), store.Account{ID: id, Name: numbered("n", i), Created: noon}); err != nil {
				t.Errorf("AddAccount(%+q) = %v, want nil", id, err)
			}
			if err := s.AddRole(t.Context(), store.Role{ID: id, Account: id, Name: id, Policy: id, Created: noon}); err != nil {
				t.Errorf("AddRole(%+q) = %v, want nil", id, err)
			}
		}
		for i, id := range oddTexts {
			a, err := s.AccountByID(t.Context(), id)
			if err != nil || a.ID != id || a.Name != numbered("n", i) {
				t.Errorf("AccountByID(%+q) = %+q, %v", id, a, err)
			}
			r, err := s.RoleByName(t.Context(), id, id)
			if err != nil || r.ID != id || r.Policy != id {
				t.Errorf("RoleByName(%+q) = %+q, %v", id, r, err)
			}
		}
	}},
	{"SessionsKeepAnyText", func(t *testing.T, db *database) {
		s := db.open(t)
		for _, text := range oddTexts {
			want := session(noon)
			want.ClientID, want.Methods = text, text
			want.Principal = signin.Principal{Account: text, Role: text, RoleID: text, Person: text, PersonID: text}
			must(t, "RedeemCode", s.RedeemCode(t.Context(), want))
			got, err := s.SessionByID(t.Context(), want.ID)
			if d := diff(want, got); err != nil || d != "" {
				t.Errorf("SessionByID with %+q: %v (-redeemed +got)\n%s", text, err, d)
			}
			must(t, "Announce", s.Announce(t.Context(), revoked(text)))
		}
		for i, n := range noticesAfter(t, s, 0, 1000) {
			if n.Subject != oddTexts[i] {
				t.Errorf("notice %d is about %+q, want %+q", i, n.Subject, oddTexts[i])
			}
		}
	}},
	{"LongTextIsKept", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		policy := strings.Repeat(`{"Sid":"é'"}`, 10_000)
		must(t, "SetRolePolicy", s.SetRolePolicy(t.Context(), developer.ID, policy, false, noon, later))
		got, err := s.RoleByName(t.Context(), developer.Account, developer.Name)
		if err != nil || got.Policy != policy {
			t.Errorf("RoleByName gave a policy of %d bytes, %v, want the %d bytes that were set", len(got.Policy), err, len(policy))
		}
		c := signin.Client{ID: "long", Class: signin.Confidential, Principal: robot.ID}
		for i := range 50 {
			c.RedirectURIs = append(c.RedirectURIs, numbered("https://a.example/"+strings.Repeat("p", signin.MaxRedirectURI-22), i))
		}
		must(t, "AddClient", s.AddClient(t.Context(), c))
		client, err := s.ClientByID(t.Context(), c.ID)
		if d := diff(c, client); err != nil || d != "" {
			t.Errorf("ClientByID: %v (-added +got)\n%s", err, d)
		}
	}},
	{"UnkeepableTextIsRefused", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		for _, text := range unkeepable {
			refusesText(t, s, text)
		}
		if d := diff(furnished(), contentsOf(t, s)); d != "" {
			t.Errorf("contents after refusals: (-before +after)\n%s", d)
		}
	}},
}

// refusesText checks that no method keeps text, and that a search for it finds nothing.
func refusesText(t *testing.T, s store.Store, text string) {
	t.Helper()
	ctx := t.Context()
	bad := session(noon)
	bad.Principal.Person = text
	client := portal
	client.ID, client.RedirectURIs = "other", []string{text}
	calls := map[string]error{
		"RedeemCode":     s.RedeemCode(ctx, bad),
		"Announce":       s.Announce(ctx, revoked(text)),
		"AddAccount":     s.AddAccount(ctx, store.Account{ID: "000000000000", Name: text}),
		"AddPerson":      s.AddPerson(ctx, store.Person{ID: "AIDA1", Name: text}),
		"SetPassword":    s.SetPassword(ctx, alice.ID, text, noon, later),
		"AddRole":        s.AddRole(ctx, store.Role{ID: "AROA1", Account: acme.ID, Name: text}),
		"SetRolePolicy":  s.SetRolePolicy(ctx, developer.ID, text, false, noon, later),
		"AddServiceUser": s.AddServiceUser(ctx, store.ServiceUser{ID: "AIDA1", Account: acme.ID, Name: text}),
		"AddAccessKey":   s.AddAccessKey(ctx, store.AccessKey{ID: text, User: robot.ID}),
		"AddClient":      s.AddClient(ctx, client),
		"AddRingKeys":    s.AddRingKeys(ctx, 2, []store.RingKey{{ID: 5, Purpose: text, Wrapped: []byte("w")}}),
	}
	for field, e := range eventsWith(text) {
		// The event before it is good, and must not stay either.
		calls["RecordAudit of "+field] = s.RecordAudit(ctx, []store.AuditEvent{event(noon, alice.ID), e})
	}
	for call, err := range calls {
		if err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s with %+q = %v, want an error that says so", call, text, err)
		}
	}
	_, err := s.PersonByName(ctx, text)
	wantError(t, "PersonByName", err, store.ErrNotFound)
	_, err = s.SessionByID(ctx, bad.ID)
	wantError(t, "SessionByID", err, store.ErrNotFound)
	_, err = s.ClientByID(ctx, text)
	wantError(t, "ClientByID", err, store.ErrNotFound)
}

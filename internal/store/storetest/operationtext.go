package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

var operationTextTests = []test{
	{"NamesOfOperationsAreKeptAndPutInOrderByteByByte", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		ctx := t.Context()
		for i, text := range oddTexts {
			must(t, "AddGroup", s.AddGroup(ctx, store.Group{ID: numbered("AGPA", i), Name: text, Created: noon}))
			must(t, "AddMember", s.AddMember(ctx, numbered("AGPA", i), alice.ID, noon, later))
			must(t, "AddPerson", s.AddPerson(ctx, store.Person{ID: numbered("AIDA", i), Name: text + "/", Created: noon, PasswordChanged: noon}))
			must(t, "AddMember", s.AddMember(ctx, numbered("AGPA", 0), numbered("AIDA", i), noon, later))
			must(t, "AddManagedPolicy", s.AddManagedPolicy(ctx, store.ManagedPolicy{ARN: text, Account: acme.ID, Document: text, Created: noon}))
			must(t, "AttachPolicy", s.AttachPolicy(ctx, attach(store.ToServiceUser, robot.ID, text), false, noon, later))
			must(t, "AddResource", s.AddResource(ctx, registry(acme.ID, text)))
			must(t, "AddTrustedIssuer", s.AddTrustedIssuer(ctx, store.TrustedIssuer{ID: text, Account: acme.ID, Issuer: "i", Audience: text, Created: noon}))
			st := statement(acme.ID, text, text)
			put(t, s, st, 1000, st)
			put(t, s, statement(acme.ID, "other", text), 1000, map[bool]store.PermissionStatement{true: statement(acme.ID, "other", ""), false: st}[text == ""])
			if text == "" {
				must(t, "DeleteStatement", s.DeleteStatement(ctx, acme.ID, "other", noon, later))
			}
		}
		order := slices.Sorted(slices.Values(oddTexts))
		wantOrder := func(call string, got []string, err error) {
			t.Helper()
			if err != nil || !slices.Equal(got, order) {
				t.Errorf("%s come as %+q, %v, want them in the order of bytes %+q", call, got, err, order)
			}
		}
		groups, err := s.Groups(ctx)
		wantOrder("Groups", names(groups, func(g store.Group) string { return g.Name }), err)
		groups, err = s.GroupsOf(ctx, alice.ID)
		wantOrder("GroupsOf", names(groups, func(g store.Group) string { return g.Name }), err)
		policies, err := s.ManagedPolicies(ctx)
		wantOrder("ManagedPolicies", names(policies, func(p store.ManagedPolicy) string { return p.ARN }), err)
		attached, err := s.AttachedTo(ctx, toRobot)
		wantOrder("AttachedTo", names(attached, func(a store.Attached) string { return a.Policy }), err)
		resources, err := s.Resources(ctx, acme.ID)
		wantOrder("Resources", names(resources, func(r store.Resource) string { return r.Identifier }), err)
		issuers, err := s.TrustedIssuers(ctx)
		wantOrder("TrustedIssuers", names(issuers, func(i store.TrustedIssuer) string { return i.Audience }), err)
		statements, err := s.Statements(ctx, acme.ID, "", 1000)
		wantOrder("Statements above the empty ID, and that", append([]string{""}, names(statements, func(p store.PermissionStatement) string { return p.ID })...), err)
		members, err := s.Members(ctx, numbered("AGPA", 0))
		got := names(members, func(p store.Person) string { return p.Name })
		if err != nil || len(got) != len(oddTexts)+1 || !slices.IsSorted(got) {
			t.Errorf("Members come as %+q, %v, want them in the order of bytes", got, err)
		}
		for i, text := range oddTexts {
			g, err := s.GroupByName(ctx, text)
			if want := numbered("AGPA", i); err != nil || g.ID != want {
				t.Errorf("GroupByName(%+q) = %q, %v, want %q", text, g.ID, err, want)
			}
			r, err := s.ResourcesCalled(ctx, text)
			if err != nil || len(r) != 1 || r[0].Identifier != text || r[0].Service != "registry-"+text {
				t.Errorf("ResourcesCalled(%+q) = %v, %v, want one", text, r, err)
			}
		}
	}},
	{"TargetsKeepAnyText", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		ctx := t.Context()
		for _, text := range oddTexts {
			must(t, "AddAccount", s.AddAccount(ctx, store.Account{ID: text, Created: noon}))
			must(t, "AttachPolicy", s.AttachPolicy(ctx, attach(store.ToAccount, text, text), true, noon, later))
		}
		for _, text := range oddTexts {
			wantAttached(t, s, []store.Target{{Kind: store.ToAccount, ID: text}}, store.Attached{Attachment: attach(store.ToAccount, text, text)})
		}
	}},
	{"UnkeepableTextOfOperationsIsRefused", func(t *testing.T, db *database) {
		s := db.open(t)
		organize(t, s)
		must(t, "AddGroup", s.AddGroup(t.Context(), store.Group{ID: "AGPA\ufffd", Name: "\ufffd", Created: noon}))
		must(t, "AttachPolicy", s.AttachPolicy(t.Context(), attach(store.ToGroup, "AGPA\ufffd", builtIn), true, noon, later))
		before := contentsOf(t, s)
		for _, text := range unkeepable {
			refusesTextOfOperations(t, s, text)
		}
		if d := diff(before, contentsOf(t, s)); d != "" {
			t.Errorf("contents after refusals: (-before +after)\n%s", d)
		}
	}},
	{"TimesOfOperationsAreKeptToTheMillisecondInUTC", func(t *testing.T, db *database) {
		s := db.open(t)
		furnish(t, s)
		records, _ := operationRecords()
		restoreAll(t, s, records)
		for _, p := range []store.Part{store.PartGroups, store.PartApplications} {
			must(t, "Remove", s.Remove(t.Context(), records[p][:1]))
		}
		at := noon.Add(999 * time.Microsecond).In(time.FixedZone("east", 3600))
		group, app, client, st := operators, application(acme.ID, instance, "a"), registered(noon), statement(acme.ID, "2", "t")
		group.Created, app.Created, client.Created, client.Expires, st.Created = at, at, at, at, at
		must(t, "AddGroup", s.AddGroup(t.Context(), group))
		must(t, "RegisterClient", s.RegisterClient(t.Context(), client))
		gotStatement, err := s.PutStatement(t.Context(), st, 9, at, at)
		must(t, "PutStatement", err)
		gotApp, err := s.AddPropagationApplication(t.Context(), app)
		must(t, "AddPropagationApplication", err)
		gotGroup, err := s.GroupByName(t.Context(), group.Name)
		must(t, "GroupByName", err)
		gotClient, err := s.DynamicClientByID(t.Context(), client.ID)
		must(t, "DynamicClientByID", err)
		for what, got := range map[string]time.Time{
			"group": gotGroup.Created, "application": gotApp.Created, "client": gotClient.Created, "end of the client": gotClient.Expires, "statement": gotStatement.Created,
		} {
			if got != noon {
				t.Errorf("the time of the %s came back as %v, want %v in UTC", what, got, noon)
			}
		}
		notices := noticesAfter(t, s, 0, 10)
		if len(notices) != 1 || notices[0].At != noon || notices[0].Expires != noon {
			t.Errorf("NoticesAfter = %v, want one of %v", notices, noon)
		}
	}},
}

func names[T any](list []T, name func(T) string) (all []string) {
	for _, one := range list {
		all = append(all, name(one))
	}
	return all
}

// refusesTextOfOperations checks on an organized database that no method keeps text, and that a search finds nothing.
func refusesTextOfOperations(t *testing.T, s store.Store, text string) {
	t.Helper()
	ctx := t.Context()
	resource, issuer, client, said, token := registry(acme.ID, "a"), builds, visitor, statement(acme.ID, "1", ""), statement(acme.ID, "1", text)
	resource.Service, issuer.Rules, client.Metadata, said.Statement = text, text, text, text
	for call, err := range map[string]error{
		"AddGroup":                       s.AddGroup(ctx, store.Group{ID: "AGPA1", Name: text}),
		"AddManagedPolicy":               s.AddManagedPolicy(ctx, store.ManagedPolicy{ARN: "arn", Account: acme.ID, Document: text}),
		"SetManagedPolicy":               s.SetManagedPolicy(ctx, readOnly.ARN, text, noon, later),
		"AttachPolicy":                   s.AttachPolicy(ctx, attach(store.ToPerson, alice.ID, text), true, noon, later),
		"AddResource":                    s.AddResource(ctx, resource),
		"AddTrustedIssuer":               s.AddTrustedIssuer(ctx, issuer),
		"RegisterClient":                 s.RegisterClient(ctx, client),
		"PutStatement":                   second(s.PutStatement(ctx, said, 5, noon, later)),
		"PutStatement with such a token": second(s.PutStatement(ctx, token, 5, noon, later)),
		"AddPropagationApplication":      second(s.AddPropagationApplication(ctx, store.PropagationApplication{Account: acme.ID, Instance: "i", ARN: text})),
	} {
		if err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
			t.Errorf("%s with %+q = %v, want an error that says so", call, text, err)
		}
	}
	_, _, err := s.PoliciesOfPrincipal(ctx, text, developer.ID)
	for call, err := range map[string]error{
		"PoliciesOfPrincipal":    err,
		"GroupByName":            second(s.GroupByName(ctx, text)),
		"ManagedPolicyByARN":     second(s.ManagedPolicyByARN(ctx, text)),
		"ResourceByIdentifier":   second(s.ResourceByIdentifier(ctx, acme.ID, text)),
		"ConsoleAuthorizationOf": second(s.ConsoleAuthorizationOf(ctx, text)),
	} {
		wantError(t, call, err, store.ErrNotFound)
	}
	wantNone := func(call string, n int, err error) {
		t.Helper()
		if err != nil || n != 0 {
			t.Errorf("%s of %+q gave %d, %v, want none", call, text, n, err)
		}
	}
	members, err := s.Members(ctx, text)
	wantNone("Members", len(members), err)
	groups, err := s.GroupsOf(ctx, text)
	wantNone("GroupsOf", len(groups), err)
	attached, err := s.AttachedTo(ctx, store.Target{Kind: store.ToGroup, ID: "AGPA" + text})
	wantNone("AttachedTo", len(attached), err)
	resources, err := s.ResourcesCalled(ctx, text)
	wantNone("ResourcesCalled", len(resources), err)
	issuers, err := s.TrustedIssuersCalled(ctx, text)
	wantNone("TrustedIssuersCalled", len(issuers), err)
	statements, err := s.Statements(ctx, text, "", 10)
	wantNone("Statements", len(statements), err)
	applications, err := s.PropagationApplications(ctx, acme.ID, text)
	wantNone("PropagationApplications", len(applications), err)
}

package storetest

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// operationCalls are the calls of groups, policies, resources, grants and the perimeter. On a furnished database, which has
// none of these, each finds what those before it added.
var operationCalls = []call{
	{"AddGroup", func(ctx context.Context, s store.Store) error { return s.AddGroup(ctx, operators) }},
	{"GroupByName", func(ctx context.Context, s store.Store) error { return second(s.GroupByName(ctx, operators.Name)) }},
	{"Groups", func(ctx context.Context, s store.Store) error { return second(s.Groups(ctx)) }},
	{"AddMember", func(ctx context.Context, s store.Store) error {
		return s.AddMember(ctx, operators.ID, alice.ID, noon, later)
	}},
	{"Members", func(ctx context.Context, s store.Store) error { return second(s.Members(ctx, operators.ID)) }},
	{"GroupsOf", func(ctx context.Context, s store.Store) error { return second(s.GroupsOf(ctx, alice.ID)) }},
	{"RemoveMember", func(ctx context.Context, s store.Store) error {
		return s.RemoveMember(ctx, operators.ID, alice.ID, noon, later)
	}},
	{"AddManagedPolicy", func(ctx context.Context, s store.Store) error { return s.AddManagedPolicy(ctx, readOnly) }},
	{"ManagedPolicyByARN", func(ctx context.Context, s store.Store) error { return second(s.ManagedPolicyByARN(ctx, readOnly.ARN)) }},
	{"ManagedPolicies", func(ctx context.Context, s store.Store) error { return second(s.ManagedPolicies(ctx)) }},
	{"SetManagedPolicy", func(ctx context.Context, s store.Store) error {
		return s.SetManagedPolicy(ctx, readOnly.ARN, "new", noon, later)
	}},
	{"AttachPolicy", func(ctx context.Context, s store.Store) error {
		return s.AttachPolicy(ctx, attach(store.ToPerson, alice.ID, readOnly.ARN), false, noon, later)
	}},
	{"AttachedTo", func(ctx context.Context, s store.Store) error { return second(s.AttachedTo(ctx, toAlice)) }},
	{"PoliciesOfPrincipal", func(ctx context.Context, s store.Store) error {
		_, _, err := s.PoliciesOfPrincipal(ctx, alice.ID, foreign.ID)
		return err
	}},
	{"DetachPolicy", func(ctx context.Context, s store.Store) error {
		return s.DetachPolicy(ctx, attach(store.ToPerson, alice.ID, readOnly.ARN), noon, later)
	}},
	{"RemoveManagedPolicy", func(ctx context.Context, s store.Store) error { return s.RemoveManagedPolicy(ctx, readOnly.ARN) }},

	{"AddResource", func(ctx context.Context, s store.Store) error { return s.AddResource(ctx, registry(acme.ID, "a")) }},
	{"ResourceByIdentifier", func(ctx context.Context, s store.Store) error {
		return second(s.ResourceByIdentifier(ctx, acme.ID, "a"))
	}},
	{"ResourcesCalled", func(ctx context.Context, s store.Store) error { return second(s.ResourcesCalled(ctx, "a")) }},
	{"Resources", func(ctx context.Context, s store.Store) error { return second(s.Resources(ctx, acme.ID)) }},
	{"RemoveResource", func(ctx context.Context, s store.Store) error { return s.RemoveResource(ctx, acme.ID, "a") }},
	{"AddTrustedIssuer", func(ctx context.Context, s store.Store) error { return s.AddTrustedIssuer(ctx, builds) }},
	{"TrustedIssuers", func(ctx context.Context, s store.Store) error { return second(s.TrustedIssuers(ctx)) }},
	{"TrustedIssuersCalled", func(ctx context.Context, s store.Store) error {
		return second(s.TrustedIssuersCalled(ctx, builds.Issuer))
	}},
	{"RemoveTrustedIssuer", func(ctx context.Context, s store.Store) error { return s.RemoveTrustedIssuer(ctx, builds.ID) }},

	{"RegisterClient", func(ctx context.Context, s store.Store) error { return s.RegisterClient(ctx, visitor) }},
	{"DynamicClients", func(ctx context.Context, s store.Store) error { return second(s.DynamicClients(ctx, visitor.ID, 10)) }},
	{"CountDynamicClients", func(ctx context.Context, s store.Store) error { return second(s.CountDynamicClients(ctx, 10)) }},
	{"DynamicClientByID", func(ctx context.Context, s store.Store) error { return second(s.DynamicClientByID(ctx, visitor.ID)) }},
	{"RemoveDynamicClient", func(ctx context.Context, s store.Store) error {
		return s.RemoveDynamicClient(ctx, visitor.ID, noon, later)
	}},
	{"AdvanceGeneration", func(ctx context.Context, s store.Store) error {
		return second(s.AdvanceGeneration(ctx, bring(signin.NewSessionID(noon), 0, "r"), noon))
	}},
	{"GenerationOf", func(ctx context.Context, s store.Store) error {
		return second(s.GenerationOf(ctx, signin.NewSessionID(noon)))
	}},

	{"PutStatement", func(ctx context.Context, s store.Store) error {
		return second(s.PutStatement(ctx, statement(acme.ID, "1", "token"), 1, noon, later))
	}},
	{"SetConsoleAuthorization", func(ctx context.Context, s store.Store) error {
		return s.SetConsoleAuthorization(ctx, acme.ID, true, noon, later)
	}},
	{"ConsoleAuthorizationOf", func(ctx context.Context, s store.Store) error { return second(s.ConsoleAuthorizationOf(ctx, acme.ID)) }},
	{"Statements", func(ctx context.Context, s store.Store) error { return second(s.Statements(ctx, acme.ID, "", 1)) }},
	{"EffectiveStatements", func(ctx context.Context, s store.Store) error { return second(s.EffectiveStatements(ctx)) }},
	{"DeleteStatement", func(ctx context.Context, s store.Store) error {
		return s.DeleteStatement(ctx, acme.ID, "1", noon, later)
	}},
	{"AddPropagationApplication", func(ctx context.Context, s store.Store) error {
		return second(s.AddPropagationApplication(ctx, application(acme.ID, instance, "a")))
	}},
	{"PropagationApplications", func(ctx context.Context, s store.Store) error {
		return second(s.PropagationApplications(ctx, acme.ID, instance))
	}},
}

// visitor is a client that registered itself.
var visitor = registered(noon)

// second returns the error of two results.
func second[T any](_ T, err error) error { return err }

// fillOperations puts something into every part that the operations write, and text wherever it can be.
func fillOperations(ctx context.Context, s store.Store, account, person, text string) map[string]error {
	group := store.Group{ID: "g" + text, Name: text, Created: noon}
	policy := store.ManagedPolicy{ARN: text, Account: account, Document: text, Created: noon}
	st := statement(account, text, text)
	st.Statement = text
	client := registered(noon)
	client.Metadata = text
	return map[string]error{
		"AddGroup":                  s.AddGroup(ctx, group),
		"AddMember":                 s.AddMember(ctx, group.ID, person, noon, later),
		"AddManagedPolicy":          s.AddManagedPolicy(ctx, policy),
		"AttachPolicy":              s.AttachPolicy(ctx, attach(store.ToGroup, group.ID, text), true, noon, later),
		"AddResource":               s.AddResource(ctx, store.Resource{Resource: signin.Resource{Account: account, Identifier: text, Service: text}, Created: noon}),
		"AddTrustedIssuer":          s.AddTrustedIssuer(ctx, store.TrustedIssuer{ID: text, Account: account, Issuer: text, Audience: text, Rules: text, Created: noon}),
		"RegisterClient":            s.RegisterClient(ctx, client),
		"AdvanceGeneration":         second(s.AdvanceGeneration(ctx, bring(client.ID, 0, text), noon)),
		"PutStatement":              second(s.PutStatement(ctx, st, 1000, noon, later)),
		"SetConsoleAuthorization":   s.SetConsoleAuthorization(ctx, account, true, noon, later),
		"AddPropagationApplication": second(s.AddPropagationApplication(ctx, store.PropagationApplication{Account: account, Instance: text, ARN: text, Created: noon})),
	}
}

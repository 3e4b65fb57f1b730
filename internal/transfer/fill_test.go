package transfer

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// fill puts n of what there are many of into s, and some of the rest.
func fill(t *testing.T, s store.Store, n int) []signin.Session {
	t.Helper()
	ctx := t.Context()
	must(t, "AddAccount", s.AddAccount(ctx, store.Account{ID: "111122223333", Name: "A", Created: noon}))
	must(t, "AddPerson", s.AddPerson(ctx, store.Person{ID: "AIDA", Name: "alice", PasswordHash: "h", Created: noon, PasswordChanged: noon}))
	must(t, "AddRole", s.AddRole(ctx, store.Role{ID: "AROA", Account: "111122223333", Name: "R", Policy: "{}", Created: noon}))
	must(t, "Assign", s.Assign(ctx, "AIDA", "AROA"))
	must(t, "AddServiceUser", s.AddServiceUser(ctx, store.ServiceUser{ID: "AIDAS", Account: "111122223333", Name: "s", Policy: "{}", Created: noon}))
	must(t, "AddAccessKey", s.AddAccessKey(ctx, store.AccessKey{ID: "AKIA", User: "AIDAS", RingKey: 1, Created: noon}))
	must(t, "AddClient", s.AddClient(ctx, signin.Client{
		ID: signin.ConfidentialPrefix + "app", Class: signin.Confidential, Name: "App", Principal: "AIDAS", RedirectURIs: []string{"https://b", "https://a"},
	}))
	must(t, "AddRingKeys", s.AddRingKeys(ctx, 0, []store.RingKey{{ID: 1, Purpose: "seal", Created: noon, UseFrom: noon, Wrapped: []byte{0, 1}}}))
	must(t, "Announce", s.Announce(ctx, revoked("a")))
	var sessions []signin.Session
	var records []store.Record
	for i := range n {
		sessions = append(sessions, session(i))
		records = append(records, store.Record{Part: store.PartSessions, Value: sessions[i]})
		if len(records) == 1000 || i == n-1 {
			must(t, "Restore", s.Restore(ctx, records))
			records = nil
		}
	}
	must(t, "RecordAudit", s.RecordAudit(ctx, []store.AuditEvent{{ID: signin.NewSessionID(noon), At: noon, Kind: "k", Detail: "日本語"}}))
	_, err := s.ReportSteps(ctx, []store.StepReport{{Session: sessions[0].ID, Step: 7, End: noon}}, 0)
	must(t, "ReportSteps", err)
	fillOperations(t, s, sessions[0].ID)
	return sessions
}

// fillOperations puts something into every part that the operations beside sign-in write.
func fillOperations(t *testing.T, s store.Store, id signin.SessionID) {
	t.Helper()
	ctx := t.Context()
	const account, policy = "111122223333", "arn:aws:iam::111122223333:policy/P"
	expires := noon.Add(time.Hour)
	must(t, "AddGroup", s.AddGroup(ctx, store.Group{ID: "AGPA", Name: "g", Created: noon}))
	must(t, "AddMember", s.AddMember(ctx, "AGPA", "AIDA", noon, expires))
	must(t, "AddManagedPolicy", s.AddManagedPolicy(ctx, store.ManagedPolicy{ARN: policy, Account: account, Document: "{}", Created: noon}))
	must(t, "AttachPolicy", s.AttachPolicy(ctx, store.Attachment{Target: store.Target{Kind: store.ToGroup, ID: "AGPA"}, Policy: policy}, false, noon, expires))
	must(t, "AddResource", s.AddResource(ctx, store.Resource{Resource: signin.Resource{Account: account, Identifier: "https://r.example", Service: "r"}, Created: noon}))
	must(t, "AddTrustedIssuer", s.AddTrustedIssuer(ctx, store.TrustedIssuer{ID: "1", Account: account, Issuer: "https://i.example", Audience: "a", Rules: "{}", Created: noon}))
	must(t, "RegisterClient", s.RegisterClient(ctx, store.DynamicClient{ID: id, Metadata: "{}", Created: noon, Expires: expires}))
	_, err := s.AdvanceGeneration(ctx, store.Advance{Session: id, Request: [32]byte{1}, End: expires}, noon)
	must(t, "AdvanceGeneration", err)
	_, err = s.PutStatement(ctx, store.PermissionStatement{Account: account, ID: "1", Statement: "{}", ClientToken: "t", Created: noon}, 1, noon, expires)
	must(t, "PutStatement", err)
	must(t, "SetConsoleAuthorization", s.SetConsoleAuthorization(ctx, account, true, noon, expires))
	_, err = s.AddPropagationApplication(ctx, store.PropagationApplication{Account: account, Instance: "i", ARN: "a", Created: noon})
	must(t, "AddPropagationApplication", err)
}

// changeOperations removes, replaces and adds to what fillOperations made. What is unique goes to records of other keys.
func changeOperations(t *testing.T, s store.Store, id signin.SessionID) {
	t.Helper()
	ctx := t.Context()
	const account, policy = "111122223333", "arn:aws:iam::111122223333:policy/P"
	expires := noon.Add(time.Hour)
	must(t, "AddGroup", s.AddGroup(ctx, store.Group{ID: "AGPA0", Name: "h", Created: noon}))
	must(t, "AddMember", s.AddMember(ctx, "AGPA0", "AIDA", noon, expires))
	must(t, "RemoveMember", s.RemoveMember(ctx, "AGPA", "AIDA", noon, expires))
	must(t, "DetachPolicy", s.DetachPolicy(ctx, store.Attachment{Target: store.Target{Kind: store.ToGroup, ID: "AGPA"}, Policy: policy}, noon, expires))
	must(t, "RemoveManagedPolicy", s.RemoveManagedPolicy(ctx, policy))
	must(t, "RemoveResource", s.RemoveResource(ctx, account, "https://r.example"))
	must(t, "RemoveTrustedIssuer", s.RemoveTrustedIssuer(ctx, "1"))
	must(t, "AddTrustedIssuer", s.AddTrustedIssuer(ctx, store.TrustedIssuer{ID: "0", Account: account, Issuer: "https://i.example", Audience: "a", Created: noon}))
	_, err := s.AdvanceGeneration(ctx, store.Advance{Session: id, From: 1, Request: [32]byte{2}, End: expires}, noon)
	must(t, "AdvanceGeneration", err)
	must(t, "DeleteStatement", s.DeleteStatement(ctx, account, "1", noon, expires))
	_, err = s.PutStatement(ctx, store.PermissionStatement{Account: account, ID: "0", Statement: "[]", ClientToken: "t", Created: noon}, 1, noon, expires)
	must(t, "PutStatement", err)
	must(t, "SetConsoleAuthorization", s.SetConsoleAuthorization(ctx, account, false, noon, expires))
}

package sqlite

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// scansTable matches a step of a plan that goes through a whole table or index of ours; CTEs and subqueries are small.
var scansTable = regexp.MustCompile(`^SCAN (session|session_step|audit_event|notice|account|person|role|assignment|service_user|access_key|client|client_redirect|ring_key|person_group|group_member|managed_policy|policy_attachment|resource|trusted_issuer|dynamic_client|session_generation|permission_statement|propagation_application|k|u|r|a|g|m|p)\b`)

// Whatever a request asks for is found by a key, however many rows there are.
func TestQuestionsOfRequestsAreAnsweredByKey(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	ctx := t.Context()
	// Their answers do not matter, as the queries are remembered.
	_, _ = s.SessionByID(ctx, signin.SessionID{})
	_, _ = s.NoticesAfter(ctx, 0, 1)
	_, _ = s.AccountByID(ctx, "")
	_, _ = s.PersonByName(ctx, "")
	_, _ = s.PersonByID(ctx, "")
	_, _ = s.RoleByName(ctx, "", "")
	_, _ = s.AssignmentsOf(ctx, "")
	_, _ = s.ServiceUserByName(ctx, "", "")
	_, _, _ = s.AccessKeyByID(ctx, "")
	_, _ = s.ClientByID(ctx, "")
	_, _ = s.AuditEvents(ctx, store.AuditQuery{})
	_, _ = s.AuditEvents(ctx, store.AuditQuery{Person: "x"})
	_, _ = s.SweepAudit(ctx, noon, 1)
	_, _ = s.GroupByName(ctx, "")
	_, _ = s.Members(ctx, "")
	_, _ = s.GroupsOf(ctx, "")
	_, _ = s.ManagedPolicyByARN(ctx, "")
	_, _ = s.AttachedTo(ctx, store.Target{})
	_, _, _ = s.PoliciesOfPrincipal(ctx, "", "")
	_, _ = s.ResourceByIdentifier(ctx, "", "")
	_, _ = s.ResourcesCalled(ctx, "")
	_, _ = s.Resources(ctx, "")
	_, _ = s.TrustedIssuersCalled(ctx, "")
	_, _ = s.DynamicClientByID(ctx, signin.SessionID{})
	_, _ = s.GenerationOf(ctx, signin.SessionID{})
	_, _ = s.Statements(ctx, "", "", 1)
	_, _ = s.EffectiveStatements(ctx)
	_, _ = s.ConsoleAuthorizationOf(ctx, "")
	_, _ = s.PropagationApplications(ctx, "", "")

	var queries []string
	for query := range s.prepared.Range {
		queries = append(queries, query.(string))
	}
	if len(queries) != 30 {
		t.Errorf("found %d queries, want 30", len(queries))
	}
	for _, query := range queries {
		for _, step := range plan(t, s, query) {
			if scansTable.MatchString(step) {
				t.Errorf("%s\nis planned with %q, want a search", query, step)
			}
		}
	}
}

// What the audit trail, the steps and the sweeps ask for is found in the order of a key, and nothing is sorted.
func TestLongTablesAreReadInTheOrderOfAKey(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	for _, c := range []struct{ query, want string }{
		{events, "SEARCH audit_event USING PRIMARY KEY (id<?)"},
		{eventsAbout, "SEARCH audit_event USING INDEX audit_event_by_person (person=? AND id<?)"},
		{firstEvents, "SEARCH audit_event USING PRIMARY KEY (id<?)"},
		{deleteEvents, "SEARCH audit_event USING PRIMARY KEY (id<?)"},
		{highestStep, "SEARCH session_step USING PRIMARY KEY (session=?)"},
		{s.sessions.see, "SEARCH session USING PRIMARY KEY (id>?)"},
		{s.sessions.remove, "SEARCH session USING PRIMARY KEY (id>? AND id<?)"},
		{s.steps.see, "SEARCH session_step USING PRIMARY KEY (session>?)"},
		{s.steps.remove, "SEARCH session_step USING PRIMARY KEY (session>? AND session<?)"},
		{expiredNotices, "SEARCH notice USING COVERING INDEX notice_by_expiry (expires_ms<?)"},
		{deleteNotices, "SEARCH notice USING COVERING INDEX notice_by_expiry (expires_ms<?)"},
		{s.generations.see, "SEARCH session_generation USING PRIMARY KEY (session>?)"},
		{s.generations.remove, "SEARCH session_generation USING PRIMARY KEY (session>? AND session<?)"},
		{nextGeneration, "SEARCH session_generation USING PRIMARY KEY (session=?)"},
		{sameRequest, "SEARCH session_generation USING PRIMARY KEY (session=?)"},
		{expiredClients, "SEARCH dynamic_client USING COVERING INDEX dynamic_client_by_expiry (expires_ms<?)"},
		{deleteClients, "SEARCH dynamic_client USING COVERING INDEX dynamic_client_by_expiry (expires_ms<?)"},
		{statementOfToken, "SEARCH permission_statement USING INDEX permission_statement_by_client_token (account=? AND client_token=?)"},
		{countStatements, "SEARCH permission_statement USING PRIMARY KEY (account=?)"},
		{announceMembers, "SEARCH group_member USING PRIMARY KEY (person_group=?)"},
		{rewrapKey, "SEARCH ring_key USING INTEGER PRIMARY KEY (rowid=?)"},
	} {
		steps := plan(t, s, c.query)
		if !slices.Contains(steps, c.want) || slices.ContainsFunc(steps, func(step string) bool { return scansTable.MatchString(step) || strings.Contains(step, "TEMP B-TREE") }) {
			t.Errorf("%s\nis planned as %q, want %q, no scan and no sorting", c.query, steps, c.want)
		}
	}
}

// plan returns the steps that SQLite would take to answer query.
func plan(t *testing.T, s *Store, query string) (steps []string) {
	t.Helper()
	parameters := make([]any, strings.Count(query, "?"))
	err := s.query(t.Context(), "EXPLAIN QUERY PLAN "+query, parameters...).each(func(row scanner) error {
		var id, parent, unused int
		var step string
		err := row.Scan(&id, &parent, &unused, &step)
		steps = append(steps, step)
		return err
	})
	if err != nil {
		t.Errorf("%s: %v", query, err)
	}
	return steps
}

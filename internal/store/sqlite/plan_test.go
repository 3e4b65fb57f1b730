package sqlite

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// scansTable matches a step of a plan that goes through a whole table or index of ours; CTEs and subqueries are small.
var scansTable = regexp.MustCompile(`^SCAN (session|notice|account|person|role|assignment|service_user|access_key|client|client_redirect|ring_key|k|u|r)\b`)

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

	var queries []string
	for query := range s.prepared.Range {
		queries = append(queries, query.(string))
	}
	if len(queries) != 10 {
		t.Errorf("found %d queries, want 10", len(queries))
	}
	for _, query := range queries {
		parameters := make([]any, strings.Count(query, "?"))
		err := s.query(ctx, "EXPLAIN QUERY PLAN "+query, parameters...).each(func(row scanner) error {
			var id, parent, unused int
			var step string
			if err := row.Scan(&id, &parent, &unused, &step); err != nil {
				return err
			}
			if scansTable.MatchString(step) {
				t.Errorf("%s\nis planned with %q, want a search", query, step)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

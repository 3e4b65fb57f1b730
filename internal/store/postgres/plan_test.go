package postgres

import (
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
)

// Whatever a request or a sweep asks for is found by a key, however many rows there are.
func TestQuestionsOfRequestsAreAnsweredByKey(t *testing.T) {
	url := pgtest.Shared(t)
	open(t, url)
	c := beside(t, url)
	// Where tables are small the server reads the whole; this makes it say whether it could do otherwise.
	run(t, c, `SET enable_seqscan = off`, `SET plan_cache_mode = force_generic_plan`)
	lists := regexp.MustCompile(`FROM (account|person|role|ring_key|schema_migrations)$|FROM ring_key ORDER BY id$|FROM schema_migrations`)
	asked := 0
	for s, where := range allStatements(t) {
		isQuery := strings.HasPrefix(s, "SELECT") || strings.HasPrefix(s, "DELETE") || strings.HasPrefix(s, "UPDATE")
		if !isQuery || lists.MatchString(s) || strings.Contains(s, "information_schema") || strings.Contains(s, "DELETE FROM ring_key") || !strings.Contains(s, "$") {
			continue
		}
		asked++
		for _, step := range plan(t, c, s) {
			if strings.Contains(step, "Seq Scan") {
				t.Errorf("%s: %s\nis planned with %s, want a search", where, s, step)
			}
		}
	}
	if asked < 20 {
		t.Errorf("looked at %d plans, want all", asked)
	}
}

func plan(t *testing.T, c *pgx.Conn, s string) (steps []string) {
	t.Helper()
	prepared, err := c.Prepare(t.Context(), "planned", s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	defer run(t, c, `DEALLOCATE planned`)
	nulls := strings.TrimSuffix(strings.Repeat("NULL, ", len(prepared.ParamOIDs)), ", ")
	rows, err := c.Query(t.Context(), `EXPLAIN EXECUTE planned (`+nulls+`)`, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	steps, err = pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return steps
}

package postgres

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The SQL of this driver is what PostgreSQL 13 and later, CockroachDB 22.2 and later, and YugabyteDB 2.18 and later accept
// alike. Whoever uses a word that is not here looks it up in the manuals of all three first.
//
// What is refused by not being here, though PostgreSQL has it: advisory locks (CockroachDB takes the calls and locks
// nothing, YugabyteDB got them late), SKIP LOCKED (its combination with READ COMMITTED came late to CockroachDB),
// LOCK TABLE, SERIAL and sequences (out of order and not dense, everywhere in another way), AS MATERIALIZED (YugabyteDB was
// PostgreSQL 11 for long), COLLATE (CockroachDB has other names), max(bytea), triggers and PL/pgSQL, extensions, ctid and
// xmin, COPY, arrays of several dimensions, now() and random values (the driver brings none).
var (
	plainKeywords = words(`
		SELECT FROM WHERE AND OR IN AS ON JOIN LEFT ORDER BY DESC LIMIT OFFSET
		INSERT INTO VALUES UPDATE SET DELETE
		CREATE TABLE INDEX ALTER ADD COLUMN PRIMARY KEY UNIQUE REFERENCES DEFAULT NOT NULL IF EXISTS
		TRUE FALSE BEGIN COMMIT ROLLBACK ISOLATION LEVEL READ COMMITTED TO`)
	specialKeywords = map[string]string{
		"CONFLICT":  "INSERT … ON CONFLICT (key) DO NOTHING, or DO UPDATE … WHERE: all three, with the key named",
		"DO":        "as CONFLICT",
		"NOTHING":   "as CONFLICT",
		"EXCLUDED":  "the row that was to be inserted: all three",
		"RETURNING": "on INSERT and UPDATE: all three",
		"IS":        "IS NOT DISTINCT FROM a parameter: all three",
		"DISTINCT":  "as IS",
		"WITH":      "one UPDATE … RETURNING that an INSERT reads from: all three",
		"FOR":       "FOR UPDATE alone, on rows of one table: all three, also in a subquery",
		"ANY":       "column = ANY (array): all three",
		"UNION":     "UNION ALL of questions with the same columns, in FROM: all three",
		"ALL":       "as UNION",
		"LISTEN":    "only PostgreSQL, and YugabyteDB from 2025.2 on: tried at Open, and done without where it is refused or silent",
	}
	types = map[string]string{
		"BIGINT":  "64 bits in all three (INT has 32 in PostgreSQL and 64 in CockroachDB)",
		"TEXT":    "CockroachDB calls it STRING and knows this name",
		"BYTEA":   "CockroachDB calls it BYTES and knows this name; compared byte by byte in all three",
		"BOOLEAN": "all three",
	}
	functions = map[string]string{
		"COUNT":           "all three",
		"MAX":             "of numbers: all three",
		"COALESCE":        "all three",
		"UNNEST":          "in FROM, of several arrays of one length, with AS name (columns): all three",
		"CURRENT_SETTING": "with a second argument true, which gives NULL for a parameter that the server does not know: all three",
		"CURRENT_SCHEMA":  "all three",
		"CONVERT_TO":      "of text, with the encoding 'UTF8': its bytes, which are in one order everywhere: all three",
		"PG_NOTIFY":       "as LISTEN; only called where that worked",
	}
	aliases = words(`a c g k m p r u seen expired old redeemed reported happened counted asked held`)
	// catalog is where the schema is looked up; all three have these views of the standard.
	catalog = words(`information_schema tables columns table_schema table_name column_name`)
	// standbys are PostgreSQL's alone; others refuse the question, and are not asked again.
	standbys = words(`pg_stat_replication`)
	// parameters of the server are in quotes, except after SET.
	settings = words(`synchronous_commit autocommit_before_ddl`)
	channel  = words(`latchkey_notice`)
)

func words(list string) map[string]string {
	set := make(map[string]string)
	for w := range strings.FieldsSeq(list) {
		set[strings.ToUpper(w)] = ""
	}
	return set
}

// signs are the operators and punctuation that may appear; [] only as the type of an array.
var signs = []string{"(", ")", ",", ".", "=", "<", ">", "+", "::", "[]", ";"}

var (
	sqlToken    = regexp.MustCompile(`^(--[^\n]*|'[^']*'|\$[0-9]+|[0-9]+|[A-Za-z_][A-Za-z_0-9]*|::|\[\]|\S)`)
	sqlWord     = regexp.MustCompile(`^[A-Za-z_]`)
	looksLike   = regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|DROP|SET|SHOW|LISTEN|NOTIFY|UNLISTEN|BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|LOCK|COPY|CALL|DO|EXECUTE|PREPARE|VACUUM|ANALYZE|EXPLAIN|GRANT|TRUNCATE|DECLARE|FETCH|VALUES|TABLE)\b\s*\S`)
	tableName   = regexp.MustCompile(`CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)`)
	indexName   = regexp.MustCompile(`CREATE (?:UNIQUE )?INDEX ([a-z_]+)`)
	columnName  = regexp.MustCompile(`(?m)(?:^\s+|ADD COLUMN |, |\()([a-z_]+)\s+(?:BIGINT|TEXT|BYTEA|BOOLEAN)\b`)
	sqlComments = regexp.MustCompile(`--[^\n]*`)
)

// allStatements returns every statement in the source and the migrations.
func allStatements(t testing.TB) map[string]string {
	t.Helper()
	list := make(map[string]string) // statement → where it is
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err == nil && looksLike.MatchString(text) {
				list[strings.TrimSpace(text)] = fset.Position(lit.Pos()).String()
			}
			return true
		})
	}
	for _, m := range shipped(t) {
		if strings.Contains(strings.ReplaceAll(sqlComments.ReplaceAllString(m.Script, ""), "''", ""), "'") {
			t.Errorf("migration %04d holds a text in quotes, which the splitting into statements is not made for", m.Version)
		}
		for _, s := range statements(m.Script) {
			list[s] = "migration " + m.Name
		}
	}
	if len(list) < 50 {
		t.Fatalf("found %d statements, want all", len(list))
	}
	return list
}

// namesOfSchema returns the names of tables, columns and indexes.
func namesOfSchema(list map[string]string) map[string]string {
	names := make(map[string]string)
	for s := range list {
		s = sqlComments.ReplaceAllString(s, "")
		if !strings.HasPrefix(s, "CREATE") && !strings.HasPrefix(s, "ALTER") {
			continue
		}
		for _, pattern := range []*regexp.Regexp{tableName, indexName, columnName} {
			for _, m := range pattern.FindAllStringSubmatch(s, -1) {
				names[strings.ToUpper(m[1])] = ""
			}
		}
	}
	return names
}

// unknownTo returns what is in the statement s and not in the lists.
func unknownTo(s string, names map[string]string) (unknown []string) {
	s = strings.ReplaceAll(s, "count(*)", "count(1)") // the one place for a star
	known := []map[string]string{plainKeywords, specialKeywords, types, functions, aliases, catalog, standbys, settings, channel, names}
	for {
		s = strings.TrimSpace(s)
		if s == "" {
			return unknown
		}
		tok := sqlToken.FindString(s)
		s = s[len(tok):]
		switch {
		case sqlWord.MatchString(tok):
			if !slices.ContainsFunc(known, func(m map[string]string) bool { _, ok := m[strings.ToUpper(tok)]; return ok }) {
				unknown = append(unknown, tok)
			}
		case len(tok) > 1 && strings.ContainsAny(tok[:1], "'$-0123456789"), tok[0] >= '0' && tok[0] <= '9':
		case !slices.Contains(signs, tok):
			unknown = append(unknown, tok)
		}
	}
}

func TestSQLIsWhatAllEnginesAccept(t *testing.T) {
	list := allStatements(t)
	names := namesOfSchema(list)
	for s, where := range list {
		if unknown := unknownTo(s, names); len(unknown) > 0 {
			t.Errorf("%s: %q is not in the lists of this test:\n%s", where, unknown, s)
		}
		upper := strings.ToUpper(s)
		if strings.HasPrefix(upper, "LISTEN") && !strings.HasPrefix(where, "wake.go") {
			t.Errorf("%s: LISTEN outside wake.go", where)
		}
		if strings.Contains(strings.ReplaceAll(upper, "FOR UPDATE", ""), " FOR ") {
			t.Errorf("%s: FOR without UPDATE:\n%s", where, s)
		}
		if strings.Contains(upper, "ON CONFLICT DO") {
			t.Errorf("%s: ON CONFLICT without the key, which not all engines decide alike:\n%s", where, s)
		}
	}
}

// The test above would refuse these.
func TestForeignSQLIsNoticed(t *testing.T) {
	names := namesOfSchema(allStatements(t))
	for _, s := range []string{
		`SELECT pg_advisory_lock(1)`, `SELECT id FROM session FOR UPDATE SKIP LOCKED`, `LOCK TABLE session`, `SELECT now()`,
		`CREATE TABLE x (id SERIAL)`, `CREATE TABLE session (id INT)`, `SELECT ctid FROM session`, `COPY session FROM STDIN`,
		`WITH a AS MATERIALIZED (SELECT 1) SELECT 1`, `CREATE EXTENSION pgcrypto`, `SELECT nextval('x')`, `SELECT id FROM session TABLESAMPLE x`,
		`SELECT name FROM person ORDER BY name COLLATE "C"`, `SELECT subject FROM notice WHERE subject ~ 'x'`, `SELECT subject || 'x' FROM notice`,
		`SELECT id FROM session WHERE id ->> 1`, `SELECT * FROM session`, `DO $$ BEGIN END $$`, `NOTIFY latchkey_notice`,
	} {
		if len(unknownTo(s, names)) == 0 {
			t.Errorf("%s passes", s)
		}
	}
}

// librarySends is what the library sends of its own accord.
var librarySends = regexp.MustCompile(`^(begin isolation level read committed|commit|rollback|-- ping|SELECT 1)$`)

// tracer looks at everything that the stores of all tests send to servers: it must be in the source as a whole, so that
// TestSQLIsWhatAllEnginesAccept has looked at it.
type tracer struct {
	mu      sync.Mutex
	known   map[string]string
	foreign []string
}

var heardStatements = &tracer{}

// watch fails the test when its end comes and something else was sent.
func (h *tracer) watch(t testing.TB) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = allStatements(t)
	}
	t.Cleanup(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, s := range h.foreign {
			t.Errorf("a server was sent what is not found in the source:\n%s", s)
		}
		h.foreign = nil
	})
}

func (h *tracer) note(sql string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.known[strings.TrimSpace(sql)]; !known && !librarySends.MatchString(sql) {
		h.foreign = append(h.foreign, sql)
	}
}

func (h *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	h.note(data.SQL)
	return ctx
}

func (h *tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (h *tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, q := range data.Batch.QueuedQueries {
		h.note(q.SQL)
	}
	return ctx
}

func (h *tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (h *tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (h *tracer) TracePrepareStart(ctx context.Context, _ *pgx.Conn, data pgx.TracePrepareStartData) context.Context {
	h.note(data.SQL)
	return ctx
}

func (h *tracer) TracePrepareEnd(context.Context, *pgx.Conn, pgx.TracePrepareEndData) {}

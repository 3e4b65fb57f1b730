package sqlite

import (
	"context"
	"iter"
	"strings"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// archivePage is how many records are read at a time, so that no look at a running server's file lasts long: the log
// cannot be cleared behind one.
const archivePage = 1000

// table is where the records of a part are kept. The columns are in the order of store.Record.Fields.
type table struct {
	name    string
	key     []string
	columns []string // the others
	scan    func(scanner) (any, error)
}

func tableOf(p store.Part) table {
	id := []string{"id"}
	switch p {
	case store.PartAccounts:
		return table{"account", id, words("name created_ms"), anything(scanAccount)}
	case store.PartPeople:
		return table{"person", id, words("name password_hash disabled created_ms password_changed_ms"), anything(scanPerson)}
	case store.PartRoles:
		return table{"role", id, words("account name policy created_ms"), anything(scanRole)}
	case store.PartAssignments:
		return table{"assignment", words("person role"), nil, anything(scanAssigned)}
	case store.PartServiceUsers:
		return table{"service_user", id, words("account name policy created_ms"), anything(scanServiceUser)}
	case store.PartAccessKeys:
		return table{"access_key", id, words("service_user ring_key disabled created_ms"), anything(scanAccessKey)}
	case store.PartClients:
		return table{"client", id, words("name principal"), anything(scanBareClient)}
	case store.PartRedirects:
		return table{"client_redirect", words("client position"), words("uri"), anything(scanRedirect)}
	case store.PartRingKeys:
		return table{"ring_key", id, words("purpose created_ms use_from_ms expires_ms wrapped public_id"), anything(scanRingKey)}
	case store.PartNotices:
		return table{"notice", words("seq"), words("reason subject at_ms expires_ms"), anything(scanNotice)}
	case store.PartSessions:
		return table{"session", id, words("end_ms start_ms issued_ms auth_ms proof_key client account role role_id person person_id methods as_of"),
			anything(scanSession)}
	case store.PartSteps:
		return table{"session_step", words("session"), words("step end_ms"), anything(scanStep)}
	}
	return table{"audit_event", id, words("at_ms kind request session client principal person remote detail"), anything(scanEvent)}
}

func words(list string) []string { return strings.Fields(list) }

// anything returns scan as one for records of any part.
func anything[T any](scan func(scanner) (T, error)) func(scanner) (any, error) {
	return func(row scanner) (any, error) { return scan(row) }
}

func scanAssigned(row scanner) (a store.Assigned, err error) {
	err = row.Scan(&a.PersonID, &a.RoleID)
	return a, err
}

func scanAccessKey(row scanner) (k store.AccessKey, err error) {
	err = row.Scan(&k.ID, &k.User, &k.RingKey, &k.Disabled, instant{&k.Created})
	return k, err
}

func scanBareClient(row scanner) (c signin.Client, err error) {
	c.Class = signin.Confidential
	err = row.Scan(&c.ID, &c.Name, &c.Principal)
	return c, err
}

func scanRedirect(row scanner) (r store.Redirect, err error) {
	err = row.Scan(&r.Client, &r.Position, &r.URI)
	return r, err
}

func scanStep(row scanner) (r store.StepReport, err error) {
	err = row.Scan(fixed(r.Session[:]), &r.Step, instant{&r.End})
	return r, err
}

// page returns the query for the first records of the table, or for those behind a key.
func (t table) page(first bool) string {
	key := strings.Join(t.key, ", ")
	query := "SELECT " + strings.Join(append(t.key[:len(t.key):len(t.key)], t.columns...), ", ") + " FROM " + t.name
	if !first {
		query += " WHERE (" + key + ") > (" + marks(len(t.key)) + ")"
	}
	return query + " ORDER BY " + key + " LIMIT ?"
}

// marks returns n question marks.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// Contents implements store.Archive.
func (s *Store) Contents(ctx context.Context, p store.Part) iter.Seq2[store.Record, error] {
	if p == store.PartNoticeCounter {
		return func(yield func(store.Record, error) bool) {
			last, err := s.LastNotice(ctx)
			yield(store.Record{Part: p, Value: store.NoticeCounter(last)}, err)
		}
	}
	t := tableOf(p)
	return func(yield func(store.Record, error) bool) {
		var after []any
		for {
			page, err := s.page(ctx, p, t, after)
			if err != nil {
				yield(store.Record{}, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if len(page) < archivePage {
				return
			}
			after = page[len(page)-1].Fields()[:len(t.key)]
		}
	}
}

// page reads the next records of the table.
func (s *Store) page(ctx context.Context, p store.Part, t table, after []any) (_ []store.Record, err error) {
	defer s.operation(ctx, "contents")(&err)
	return all(s.query(ctx, t.page(after == nil), append(after, archivePage)...), func(row scanner) (store.Record, error) {
		value, err := t.scan(row)
		return store.Record{Part: p, Value: value}, err
	})
}

// restore returns the statement that keeps a record, whatever was there before.
func (t table) restore() string {
	columns := append(t.key[:len(t.key):len(t.key)], t.columns...)
	statement := "INSERT INTO " + t.name + " (" + strings.Join(columns, ", ") + ") VALUES (" + marks(len(columns)) + ") ON CONFLICT (" + strings.Join(t.key, ", ") + ") DO "
	if len(t.columns) == 0 {
		return statement + "NOTHING"
	}
	var set []string
	for _, c := range t.columns {
		set = append(set, c+" = excluded."+c)
	}
	return statement + "UPDATE SET " + strings.Join(set, ", ")
}

// Restore implements store.Archive.
func (s *Store) Restore(ctx context.Context, records []store.Record) (err error) {
	defer s.operation(ctx, "restore")(&err)
	return s.each(ctx, records, func(t table) string { return t.restore() }, store.Record.Fields)
}

// Remove implements store.Archive.
func (s *Store) Remove(ctx context.Context, records []store.Record) (err error) {
	defer s.operation(ctx, "remove")(&err)
	return s.each(ctx, records, func(t table) string {
		return "DELETE FROM " + t.name + " WHERE (" + strings.Join(t.key, ", ") + ") = (" + marks(len(t.key)) + ")"
	}, func(r store.Record) []any { return r.Fields()[:r.Part.KeyFields()] })
}

// each runs a statement for each of records, which are of one part, in one write.
func (s *Store) each(ctx context.Context, records []store.Record, statement func(table) string, args func(store.Record) []any) error {
	if len(records) == 0 {
		return ctx.Err()
	}
	p := records[0].Part
	return s.write(ctx, func(t tx) error {
		if p == store.PartNoticeCounter {
			return t.count(records)
		}
		run, err := t.prepare(statement(tableOf(p)))
		if err != nil {
			return err
		}
		defer run.close()
		for _, r := range records {
			if _, err := run.exec(args(r)...); err != nil {
				return about(p.String()+": "+r.Name(), err)
			}
		}
		return nil
	})
}

// count sets the number that the next notice follows on. SQLite keeps it in a table of its own (lang autoinc).
func (t tx) count(records []store.Record) error {
	if _, err := t.exec(`DELETE FROM sqlite_sequence WHERE name = 'notice'`); err != nil {
		return err
	}
	for _, r := range records {
		if err := t.add("notice counter", `INSERT INTO sqlite_sequence (name, seq) VALUES ('notice', ?)`, r.Fields()[1]); err != nil {
			return err
		}
	}
	return nil
}

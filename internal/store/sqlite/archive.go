package sqlite

import (
	"context"
	"iter"
	"strings"

	"github.com/latchkey-id/latchkey/internal/store"
)

// archivePage is how many records are read at a time, so that no look at a running server's file lasts long: the log
// cannot be cleared behind one.
const archivePage = 1000

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

package postgres

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// archived is how the records of a part are read, kept and deleted. The columns are in the order of store.Record.Fields.
// Texts are put in the order of their bytes, which need not be the order of the database.
type archived struct {
	contents, restore, remove string
	scan                      func(scanner) (any, error)
}

// archivedDirectory returns how those parts are kept that requests only read, and false for the others.
func archivedDirectory(p store.Part) (archived, bool) {
	switch p {
	case store.PartAccounts:
		return archived{
			`SELECT id, name, created_ms FROM account ORDER BY convert_to(id, 'UTF8')`,
			`INSERT INTO account (id, name, created_ms) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, created_ms = excluded.created_ms`,
			`DELETE FROM account WHERE id = $1`, anything(scanAccount)}, true
	case store.PartPeople:
		return archived{
			`SELECT id, name, password_hash, disabled, created_ms, password_changed_ms FROM person ORDER BY convert_to(id, 'UTF8')`,
			`INSERT INTO person (id, name, password_hash, disabled, created_ms, password_changed_ms) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, password_hash = excluded.password_hash, disabled = excluded.disabled,
				created_ms = excluded.created_ms, password_changed_ms = excluded.password_changed_ms`,
			`DELETE FROM person WHERE id = $1`, anything(scanPerson)}, true
	case store.PartRoles:
		return archived{
			`SELECT id, account, name, policy, created_ms FROM role ORDER BY convert_to(id, 'UTF8')`,
			`INSERT INTO role (id, account, name, policy, created_ms) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET account = excluded.account, name = excluded.name, policy = excluded.policy, created_ms = excluded.created_ms`,
			`DELETE FROM role WHERE id = $1`, anything(scanRole)}, true
	case store.PartAssignments:
		return archived{
			`SELECT person, role FROM assignment ORDER BY convert_to(person, 'UTF8'), convert_to(role, 'UTF8')`,
			`INSERT INTO assignment (person, role) VALUES ($1, $2) ON CONFLICT (person, role) DO NOTHING`,
			`DELETE FROM assignment WHERE person = $1 AND role = $2`, anything(scanAssigned)}, true
	case store.PartServiceUsers:
		return archived{
			`SELECT id, account, name, policy, created_ms FROM service_user ORDER BY convert_to(id, 'UTF8')`,
			`INSERT INTO service_user (id, account, name, policy, created_ms) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET account = excluded.account, name = excluded.name, policy = excluded.policy, created_ms = excluded.created_ms`,
			`DELETE FROM service_user WHERE id = $1`, anything(scanServiceUser)}, true
	case store.PartAccessKeys:
		return archived{
			`SELECT id, service_user, ring_key, disabled, created_ms FROM access_key ORDER BY convert_to(id, 'UTF8')`,
			`INSERT INTO access_key (id, service_user, ring_key, disabled, created_ms) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET service_user = excluded.service_user, ring_key = excluded.ring_key, disabled = excluded.disabled,
				created_ms = excluded.created_ms`,
			`DELETE FROM access_key WHERE id = $1`, anything(scanAccessKey)}, true
	case store.PartClients:
		return archived{
			`SELECT id, name, principal FROM client ORDER BY convert_to(id, 'UTF8')`,
			`INSERT INTO client (id, name, principal) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET name = excluded.name, principal = excluded.principal`,
			`DELETE FROM client WHERE id = $1`, anything(scanBareClient)}, true
	case store.PartRedirects:
		return archived{
			`SELECT client, position, uri FROM client_redirect ORDER BY convert_to(client, 'UTF8'), position`,
			`INSERT INTO client_redirect (client, position, uri) VALUES ($1, $2, $3) ON CONFLICT (client, position) DO UPDATE SET uri = excluded.uri`,
			`DELETE FROM client_redirect WHERE client = $1 AND position = $2`, anything(scanRedirect)}, true
	}
	return archived{}, false
}

// archivedPart returns how the records of any part are kept.
func archivedPart(p store.Part) archived {
	if a, ok := archivedDirectory(p); ok {
		return a
	}
	if a, ok := archivedPolicies(p); ok {
		return a
	}
	if a, ok := archivedOperations(p); ok {
		return a
	}
	switch p {
	case store.PartRingKeys:
		return archived{
			`SELECT id, purpose, created_ms, use_from_ms, expires_ms, wrapped, public_id FROM ring_key ORDER BY id`,
			`INSERT INTO ring_key (id, purpose, created_ms, use_from_ms, expires_ms, wrapped, public_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET purpose = excluded.purpose, created_ms = excluded.created_ms, use_from_ms = excluded.use_from_ms,
				expires_ms = excluded.expires_ms, wrapped = excluded.wrapped, public_id = excluded.public_id`,
			`DELETE FROM ring_key WHERE id = $1`, anything(scanRingKey)}
	case store.PartNotices:
		return archived{
			`SELECT seq, reason, subject, at_ms, expires_ms FROM notice ORDER BY seq`,
			`INSERT INTO notice (seq, reason, subject, at_ms, expires_ms) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (seq) DO UPDATE SET reason = excluded.reason, subject = excluded.subject, at_ms = excluded.at_ms, expires_ms = excluded.expires_ms`,
			`DELETE FROM notice WHERE seq = $1`, anything(scanNotice)}
	case store.PartNoticeCounter:
		return archived{
			`SELECT last FROM notice_counter ORDER BY id`,
			`INSERT INTO notice_counter (id, last) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET last = excluded.last`,
			`DELETE FROM notice_counter WHERE id = $1`, scanCounter}
	case store.PartSessions:
		return archived{
			`SELECT id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods, as_of
			FROM session ORDER BY id`,
			`INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods, as_of)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
			ON CONFLICT (id) DO UPDATE SET end_ms = excluded.end_ms, start_ms = excluded.start_ms, issued_ms = excluded.issued_ms,
				auth_ms = excluded.auth_ms, proof_key = excluded.proof_key, client = excluded.client, account = excluded.account,
				role = excluded.role, role_id = excluded.role_id, person = excluded.person, person_id = excluded.person_id,
				methods = excluded.methods, as_of = excluded.as_of`,
			`DELETE FROM session WHERE id = $1`, anything(scanSession)}
	case store.PartSteps:
		return archived{
			`SELECT session, step, end_ms FROM session_step ORDER BY session`,
			`INSERT INTO session_step (session, step, end_ms) VALUES ($1, $2, $3)
			ON CONFLICT (session) DO UPDATE SET step = excluded.step, end_ms = excluded.end_ms`,
			`DELETE FROM session_step WHERE session = $1`, anything(scanStep)}
	}
	return archived{
		`SELECT id, at_ms, kind, request, session, client, principal, person, remote, detail FROM audit_event ORDER BY id`,
		`INSERT INTO audit_event (id, at_ms, kind, request, session, client, principal, person, remote, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms, kind = excluded.kind, request = excluded.request, session = excluded.session,
			client = excluded.client, principal = excluded.principal, person = excluded.person, remote = excluded.remote, detail = excluded.detail`,
		`DELETE FROM audit_event WHERE id = $1`, anything(scanEvent)}
}

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

func scanCounter(row scanner) (any, error) {
	var last int64
	err := row.Scan(&last)
	return store.NoticeCounter(last), err
}

// Contents implements store.Archive. It is one question, on a connection of its own, whose answer may take as long as the
// reader does.
func (s *Store) Contents(ctx context.Context, p store.Part) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		stopped, err := s.stream(ctx, p, func(r store.Record) bool { return yield(r, nil) })
		if err != nil && !stopped {
			yield(store.Record{}, err)
		}
	}
}

// stream calls yield for the records of the part until it returns false, which stopped tells.
func (s *Store) stream(ctx context.Context, p store.Part, yield func(store.Record) bool) (stopped bool, err error) {
	defer s.operation(ctx, "contents")(&err)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if s.closed.Load() {
		return false, errClosed
	}
	config := s.pool.Config().ConnConfig
	config.RuntimeParams["statement_timeout"] = "0"
	c, err := connect(ctx, config)
	if err != nil {
		return false, err
	}
	defer disconnect(ctx, c)
	a := archivedPart(p)
	rows, err := c.Query(ctx, a.contents)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		value, err := a.scan(rows)
		if err != nil {
			return false, err
		}
		if !yield(store.Record{Part: p, Value: value}) {
			return true, nil
		}
	}
	return false, rows.Err()
}

// Restore implements store.Archive.
func (s *Store) Restore(ctx context.Context, records []store.Record) (err error) {
	defer s.operation(ctx, "restore")(&err)
	return s.each(ctx, records, func(a archived) string { return a.restore }, store.Record.Fields)
}

// Remove implements store.Archive.
func (s *Store) Remove(ctx context.Context, records []store.Record) (err error) {
	defer s.operation(ctx, "remove")(&err)
	return s.each(ctx, records, func(a archived) string { return a.remove },
		func(r store.Record) []any { return r.Fields()[:r.Part.KeyFields()] })
}

// each runs a statement for each of records, which are of one part, in one transaction. They are sent together, and the
// answers read after.
func (s *Store) each(ctx context.Context, records []store.Record, statement func(archived) string, args func(store.Record) []any) error {
	if len(records) == 0 {
		return ctx.Err()
	}
	sql := statement(archivedPart(records[0].Part))
	return s.write(ctx, func(t tx) error {
		batch := &pgx.Batch{}
		for _, r := range records {
			values := args(r)
			if !validTexts(values) {
				return about(r.Part.String()+": "+r.Name(), errText)
			}
			batch.Queue(sql, values...)
		}
		results := t.pg.SendBatch(t.ctx, batch)
		for _, r := range records {
			if _, err := results.Exec(); err != nil {
				_ = results.Close()
				return about(r.Part.String()+": "+r.Name(), refused(err))
			}
		}
		return results.Close()
	})
}

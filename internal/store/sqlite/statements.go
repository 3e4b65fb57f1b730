package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	statementColumns = `SELECT account, id, statement, client_token, request, created_ms FROM permission_statement`
	// statementOfToken says what the index says of client tokens, so that it is used.
	statementOfToken = statementColumns + ` WHERE account = ? AND client_token = ? AND client_token <> ''`
	countStatements  = `SELECT count(*) FROM permission_statement WHERE account = ?`
)

// PutStatement implements store.Perimeter.
func (s *Store) PutStatement(ctx context.Context, p store.PermissionStatement, quota int, at, noticeExpires time.Time) (
	kept store.PermissionStatement, err error) {
	defer s.operation(ctx, "put_statement")(&err)
	err = s.write(ctx, func(t tx) (err error) {
		kept, err = t.putStatement(p, quota, at, noticeExpires)
		return err
	})
	if err != nil {
		return store.PermissionStatement{}, err
	}
	return kept, nil
}

func (t tx) putStatement(p store.PermissionStatement, quota int, at, noticeExpires time.Time) (store.PermissionStatement, error) {
	before, err := scanStatement(t.conn.QueryRowContext(context.Background(), statementOfToken, p.Account, p.ClientToken))
	switch {
	case err == nil && before.Request == p.Request:
		return before, nil
	case err == nil:
		return p, about("statement", store.ErrConflict)
	case !errors.Is(err, sql.ErrNoRows):
		return p, err
	}
	var count int
	if err := t.conn.QueryRowContext(context.Background(), countStatements, p.Account).Scan(&count); err != nil {
		return p, err
	}
	if count >= quota {
		return p, about("statements", store.ErrQuota)
	}
	err = t.add("statement or its account", `
		INSERT INTO permission_statement (account, id, statement, client_token, request, created_ms) VALUES (?, ?, ?, ?, ?, ?)`,
		p.Account, p.ID, p.Statement, p.ClientToken, p.Request[:], p.Created.UnixMilli())
	if err != nil {
		return p, err
	}
	p.Created = time.UnixMilli(p.Created.UnixMilli()).UTC()
	return p, t.announceAccount(p.Account, at, noticeExpires)
}

// announceAccount announces the change of an account's perimeter.
func (t tx) announceAccount(account string, at, noticeExpires time.Time) error {
	return t.announce(signin.Notice{Reason: signin.ChangedPerimeter, Subject: account, At: at, Expires: noticeExpires})
}

// DeleteStatement implements store.Perimeter.
func (s *Store) DeleteStatement(ctx context.Context, account, id string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "delete_statement")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.change("statement", `DELETE FROM permission_statement WHERE account = ? AND id = ?`, account, id); err != nil {
			return err
		}
		return t.announceAccount(account, at, noticeExpires)
	})
}

// Statements implements store.Perimeter.
func (s *Store) Statements(ctx context.Context, account, after string, limit int) (_ []store.PermissionStatement, err error) {
	defer s.operation(ctx, "statements")(&err)
	return all(s.query(ctx, statementColumns+` WHERE account = ? AND id > ? ORDER BY id LIMIT ?`, account, after, max(0, limit)), scanStatement)
}

// EffectiveStatements implements store.Perimeter. A CROSS JOIN, to SQLite, begins at its left: most accounts may have
// statements and no authorization.
func (s *Store) EffectiveStatements(ctx context.Context) (_ []store.PermissionStatement, err error) {
	defer s.operation(ctx, "effective_statements")(&err)
	return all(s.query(ctx, `
		SELECT p.account, p.id, p.statement, p.client_token, p.request, p.created_ms
		FROM console_authorization c CROSS JOIN permission_statement p ON p.account = c.account ORDER BY c.account, p.id`), scanStatement)
}

func scanStatement(row scanner) (p store.PermissionStatement, err error) {
	err = row.Scan(&p.Account, &p.ID, &p.Statement, &p.ClientToken, fixed(p.Request[:]), instant{&p.Created})
	return p, err
}

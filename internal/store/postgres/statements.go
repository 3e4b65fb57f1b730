package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// PutStatement implements store.Perimeter. All who put statements of an account lock its row first, so that none counts
// what another is about to add, and of those who bring one client token all but the first find it.
func (s *Store) PutStatement(ctx context.Context, p store.PermissionStatement, quota int, at, noticeExpires time.Time) (kept store.PermissionStatement, err error) {
	defer s.operation(ctx, "put_statement")(&err)
	err = s.write(ctx, func(t tx) error {
		if err := t.change("account", `SELECT id FROM account WHERE id = $1 FOR UPDATE`, p.Account); err != nil {
			return err
		}
		earlier, found, err := t.statementOfToken(p)
		if err != nil || found {
			kept = earlier
			return err
		}
		have, err := t.count(`SELECT count(*) FROM permission_statement WHERE account = $1`, p.Account)
		if err != nil {
			return err
		}
		if have >= int64(quota) {
			return about("permission statements", store.ErrQuota)
		}
		err = t.add("permission statement", `
			INSERT INTO permission_statement (account, id, statement, client_token, request, created_ms) VALUES ($1, $2, $3, $4, $5, $6)`,
			p.Account, p.ID, p.Statement, p.ClientToken, p.Request[:], p.Created.UnixMilli())
		if err != nil {
			return err
		}
		kept = p
		kept.Created = time.UnixMilli(p.Created.UnixMilli()).UTC()
		return t.announcePerimeter(p.Account, at, noticeExpires)
	})
	if err != nil {
		return store.PermissionStatement{}, err
	}
	return kept, nil
}

// statementOfToken returns the statement that came before with the client token of p. ErrConflict: with another request.
func (t tx) statementOfToken(p store.PermissionStatement) (earlier store.PermissionStatement, found bool, err error) {
	if p.ClientToken == "" {
		return earlier, false, nil
	}
	if !validText(p.ClientToken) {
		return earlier, false, about("permission statement", errText)
	}
	rows, err := t.pg.Query(t.ctx, `
		SELECT account, id, statement, client_token, request, created_ms FROM permission_statement
		WHERE account = $1 AND client_token = $2 AND client_token <> ''`, p.Account, p.ClientToken)
	if err != nil {
		return earlier, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return earlier, false, rows.Err()
	}
	earlier, err = scanStatement(rows)
	if err == nil && earlier.Request != p.Request {
		err = about("permission statement", store.ErrConflict)
	}
	return earlier, err == nil, err
}

// announcePerimeter has the transaction end with the notice that the statements of the account changed, or whether they
// take effect.
func (t tx) announcePerimeter(account string, at, noticeExpires time.Time) error {
	return t.announce(signin.Notice{Reason: signin.ChangedPerimeter, Subject: account, At: at, Expires: noticeExpires})
}

// DeleteStatement implements store.Perimeter.
func (s *Store) DeleteStatement(ctx context.Context, account, id string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "delete_statement")(&err)
	return s.write(ctx, func(t tx) error {
		err := t.change("permission statement", `DELETE FROM permission_statement WHERE account = $1 AND id = $2`, account, id)
		if err != nil {
			return err
		}
		return t.announcePerimeter(account, at, noticeExpires)
	})
}

// Statements implements store.Perimeter. Where a page begins and ends is decided by the order of bytes, whatever the
// database is set to.
func (s *Store) Statements(ctx context.Context, account, after string, limit int) (_ []store.PermissionStatement, err error) {
	defer s.operation(ctx, "statements")(&err)
	return all(s.query(ctx, `
		SELECT account, id, statement, client_token, request, created_ms FROM permission_statement
		WHERE account = $1 AND convert_to(id, 'UTF8') > convert_to($2, 'UTF8') ORDER BY convert_to(id, 'UTF8') LIMIT $3`,
		account, after, int64(max(0, limit))), scanStatement)
}

// EffectiveStatements implements store.Perimeter. What it sees is of one moment, because it is one statement. The order is
// that of bytes, whatever the database is set to.
func (s *Store) EffectiveStatements(ctx context.Context) (_ []store.PermissionStatement, err error) {
	defer s.operation(ctx, "effective_statements")(&err)
	list, err := all(s.query(ctx, `
		SELECT p.account, p.id, p.statement, p.client_token, p.request, p.created_ms
		FROM console_authorization c JOIN permission_statement p ON p.account = c.account`), scanStatement)
	slices.SortFunc(list, func(a, b store.PermissionStatement) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.ID, b.ID))
	})
	return list, err
}

func scanStatement(row scanner) (p store.PermissionStatement, err error) {
	err = row.Scan(&p.Account, &p.ID, &p.Statement, &p.ClientToken, fixed(p.Request[:]), instant{&p.Created})
	return p, err
}

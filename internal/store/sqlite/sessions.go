package sqlite

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const insertSession = `
INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods, as_of)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING`

// RedeemCode implements store.Sessions.
func (s *Store) RedeemCode(ctx context.Context, session signin.Session) (err error) {
	defer s.operation(ctx, "redeem_code")(&err)
	p := &session.Principal
	for _, text := range [...]string{session.ClientID, p.Account, p.Role, p.RoleID, p.Person, p.PersonID, session.Methods} {
		if !validText(text) {
			return errText
		}
	}
	return s.writer.submit(ctx, &write{session: &session})
}

// redeem inserts the row of s into the transaction under way.
func (wr *writer) redeem(s *signin.Session) error {
	p := &s.Principal
	r, err := wr.insert.Exec(s.ID[:], s.End.UnixMilli(), s.Start.UnixMilli(), s.Issued.UnixMilli(), s.AuthTime.UnixMilli(), s.Key[:],
		s.ClientID, p.Account, p.Role, p.RoleID, p.Person, p.PersonID, s.Methods, s.AsOf)
	if err != nil {
		return err
	}
	inserted, err := r.RowsAffected()
	if err == nil && inserted == 0 {
		return store.ErrSpent
	}
	return err
}

// SessionByID implements store.Sessions.
func (s *Store) SessionByID(ctx context.Context, id signin.SessionID) (_ signin.Session, err error) {
	defer s.operation(ctx, "session_by_id")(&err)
	return one("session", s.query(ctx, `
		SELECT id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods, as_of
		FROM session WHERE id = ?`, id[:]), scanSession)
}

func scanSession(row scanner) (s signin.Session, err error) {
	p := &s.Principal
	err = row.Scan(fixed(s.ID[:]), instant{&s.End}, instant{&s.Start}, instant{&s.Issued}, instant{&s.AuthTime}, fixed(s.Key[:]),
		&s.ClientID, &p.Account, &p.Role, &p.RoleID, &p.Person, &p.PersonID, &s.Methods, &s.AsOf)
	return s, err
}

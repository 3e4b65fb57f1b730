package sqlite

import (
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// AddPerson implements store.Directory.
func (s *Store) AddPerson(ctx context.Context, p store.Person) (err error) {
	defer s.operation(ctx, "add_person")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("person", `
			INSERT INTO person (id, name, password_hash, disabled, created_ms, password_changed_ms) VALUES (?, ?, ?, ?, ?, ?)`,
			p.ID, p.Name, p.PasswordHash, p.Disabled, p.Created.UnixMilli(), p.PasswordChanged.UnixMilli())
	})
}

// PersonByName implements store.Directory.
func (s *Store) PersonByName(ctx context.Context, name string) (_ store.Person, err error) {
	defer s.operation(ctx, "person_by_name")(&err)
	return one("person", s.query(ctx, `
		SELECT id, name, password_hash, disabled, created_ms, password_changed_ms FROM person WHERE name = ?`, name), scanPerson)
}

// PersonByID implements store.Directory.
func (s *Store) PersonByID(ctx context.Context, id string) (_ store.Person, err error) {
	defer s.operation(ctx, "person_by_id")(&err)
	return one("person", s.query(ctx, `
		SELECT id, name, password_hash, disabled, created_ms, password_changed_ms FROM person WHERE id = ?`, id), scanPerson)
}

// People implements store.Directory.
func (s *Store) People(ctx context.Context) (_ []store.Person, err error) {
	defer s.operation(ctx, "people")(&err)
	return all(s.query(ctx, `
		SELECT id, name, password_hash, disabled, created_ms, password_changed_ms FROM person ORDER BY name`), scanPerson)
}

func scanPerson(row scanner) (p store.Person, err error) {
	err = row.Scan(&p.ID, &p.Name, &p.PasswordHash, &p.Disabled, instant{&p.Created}, instant{&p.PasswordChanged})
	return p, err
}

// SetPassword implements store.Directory.
func (s *Store) SetPassword(ctx context.Context, personID, hash string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "set_password")(&err)
	return s.write(ctx, func(t tx) error {
		err := t.change("person", `UPDATE person SET password_hash = ?, password_changed_ms = ? WHERE id = ?`, hash, at.UnixMilli(), personID)
		if err != nil {
			return err
		}
		return t.announce(signin.Notice{Reason: signin.ChangedCredentials, Subject: personID, At: at, Expires: noticeExpires})
	})
}

// DisablePerson implements store.Directory.
func (s *Store) DisablePerson(ctx context.Context, personID string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "disable_person")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.change("person", `UPDATE person SET disabled = 1 WHERE id = ?`, personID); err != nil {
			return err
		}
		return t.announce(signin.Notice{Reason: signin.DisabledPerson, Subject: personID, At: at, Expires: noticeExpires})
	})
}

// EnablePerson implements store.Directory.
func (s *Store) EnablePerson(ctx context.Context, personID string) (err error) {
	defer s.operation(ctx, "enable_person")(&err)
	return s.write(ctx, func(t tx) error {
		return t.change("person", `UPDATE person SET disabled = 0 WHERE id = ?`, personID)
	})
}

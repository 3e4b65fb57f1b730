package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// AddPerson implements store.Directory.
func (s *Store) AddPerson(ctx context.Context, p store.Person) (err error) {
	defer s.operation(ctx, "add_person")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("person", `
			INSERT INTO person (id, name, password_hash, disabled, created_ms, password_changed_ms) VALUES ($1, $2, $3, $4, $5, $6)`,
			p.ID, p.Name, p.PasswordHash, p.Disabled, p.Created.UnixMilli(), p.PasswordChanged.UnixMilli())
	})
}

// PersonByName implements store.Directory.
func (s *Store) PersonByName(ctx context.Context, name string) (_ store.Person, err error) {
	defer s.operation(ctx, "person_by_name")(&err)
	return s.person(ctx, `
		SELECT id, name, password_hash, disabled, created_ms, password_changed_ms FROM person WHERE name = $1`, name)
}

// PersonByID implements store.Directory.
func (s *Store) PersonByID(ctx context.Context, id string) (_ store.Person, err error) {
	defer s.operation(ctx, "person_by_id")(&err)
	return s.person(ctx, `
		SELECT id, name, password_hash, disabled, created_ms, password_changed_ms FROM person WHERE id = $1`, id)
}

// person asks for one. That somebody was enabled is not announced, so of one who is disabled the primary is asked.
func (s *Store) person(ctx context.Context, sql, key string) (store.Person, error) {
	p, err := one("person", s.directory(ctx, sql, key), scanPerson)
	if err == nil && p.Disabled && s.replica != nil {
		return one("person", s.query(ctx, sql, key), scanPerson)
	}
	return p, err
}

// People implements store.Directory. The order is that of bytes, whatever the database is set to.
func (s *Store) People(ctx context.Context) (_ []store.Person, err error) {
	defer s.operation(ctx, "people")(&err)
	list, err := all(s.query(ctx, `
		SELECT id, name, password_hash, disabled, created_ms, password_changed_ms FROM person`), scanPerson)
	slices.SortFunc(list, func(a, b store.Person) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

func scanPerson(row scanner) (p store.Person, err error) {
	err = row.Scan(&p.ID, &p.Name, &p.PasswordHash, &p.Disabled, instant{&p.Created}, instant{&p.PasswordChanged})
	return p, err
}

// SetPassword implements store.Directory.
func (s *Store) SetPassword(ctx context.Context, personID, hash string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "set_password")(&err)
	return s.write(ctx, func(t tx) error {
		err := t.change("person", `UPDATE person SET password_hash = $1, password_changed_ms = $2 WHERE id = $3`, hash, at.UnixMilli(), personID)
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
		if err := t.change("person", `UPDATE person SET disabled = TRUE WHERE id = $1`, personID); err != nil {
			return err
		}
		return t.announce(signin.Notice{Reason: signin.DisabledPerson, Subject: personID, At: at, Expires: noticeExpires})
	})
}

// EnablePerson implements store.Directory.
func (s *Store) EnablePerson(ctx context.Context, personID string) (err error) {
	defer s.operation(ctx, "enable_person")(&err)
	return s.write(ctx, func(t tx) error {
		return t.change("person", `UPDATE person SET disabled = FALSE WHERE id = $1`, personID)
	})
}

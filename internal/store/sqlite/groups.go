package sqlite

import (
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// AddGroup implements store.Policies.
func (s *Store) AddGroup(ctx context.Context, g store.Group) (err error) {
	defer s.operation(ctx, "add_group")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("group", `INSERT INTO person_group (id, name, created_ms) VALUES (?, ?, ?)`, g.ID, g.Name, g.Created.UnixMilli())
	})
}

// GroupByName implements store.Policies.
func (s *Store) GroupByName(ctx context.Context, name string) (_ store.Group, err error) {
	defer s.operation(ctx, "group_by_name")(&err)
	return one("group", s.query(ctx, `SELECT id, name, created_ms FROM person_group WHERE name = ?`, name), scanGroup)
}

// Groups implements store.Policies.
func (s *Store) Groups(ctx context.Context) (_ []store.Group, err error) {
	defer s.operation(ctx, "groups")(&err)
	return all(s.query(ctx, `SELECT id, name, created_ms FROM person_group ORDER BY name`), scanGroup)
}

func scanGroup(row scanner) (g store.Group, err error) {
	err = row.Scan(&g.ID, &g.Name, instant{&g.Created})
	return g, err
}

// AddMember implements store.Policies.
func (s *Store) AddMember(ctx context.Context, groupID, personID string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "add_member")(&err)
	return s.write(ctx, func(t tx) error {
		added, err := t.exec(`INSERT INTO group_member (person_group, person) VALUES (?, ?) ON CONFLICT (person_group, person) DO NOTHING`,
			groupID, personID)
		if err != nil || added == 0 {
			return about("group or person", err)
		}
		return t.announce(signin.Notice{Reason: signin.ChangedPolicies, Subject: personID, At: at, Expires: noticeExpires})
	})
}

// RemoveMember implements store.Policies.
func (s *Store) RemoveMember(ctx context.Context, groupID, personID string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "remove_member")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.change("member", `DELETE FROM group_member WHERE person_group = ? AND person = ?`, groupID, personID); err != nil {
			return err
		}
		return t.announce(signin.Notice{Reason: signin.ChangedPolicies, Subject: personID, At: at, Expires: noticeExpires})
	})
}

// Members implements store.Policies. A group that there is not has none.
func (s *Store) Members(ctx context.Context, groupID string) (_ []store.Person, err error) {
	defer s.operation(ctx, "members")(&err)
	return all(s.query(ctx, `
		SELECT p.id, p.name, p.password_hash, p.disabled, p.created_ms, p.password_changed_ms
		FROM group_member m JOIN person p ON p.id = m.person WHERE m.person_group = ? ORDER BY p.name`, groupID), scanPerson)
}

// GroupsOf implements store.Policies. A person that there is not is in none.
func (s *Store) GroupsOf(ctx context.Context, personID string) (_ []store.Group, err error) {
	defer s.operation(ctx, "groups_of")(&err)
	return all(s.query(ctx, `
		SELECT g.id, g.name, g.created_ms
		FROM group_member m JOIN person_group g ON g.id = m.person_group WHERE m.person = ? ORDER BY g.name`, personID), scanGroup)
}

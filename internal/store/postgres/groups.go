package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// AddGroup implements store.Policies.
func (s *Store) AddGroup(ctx context.Context, g store.Group) (err error) {
	defer s.operation(ctx, "add_group")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("group", `INSERT INTO person_group (id, name, created_ms) VALUES ($1, $2, $3)`, g.ID, g.Name, g.Created.UnixMilli())
	})
}

// GroupByName implements store.Policies.
func (s *Store) GroupByName(ctx context.Context, name string) (_ store.Group, err error) {
	defer s.operation(ctx, "group_by_name")(&err)
	return one("group", s.query(ctx, `SELECT id, name, created_ms FROM person_group WHERE name = $1`, name), scanGroup)
}

// Groups implements store.Policies. The order is that of bytes, whatever the database is set to.
func (s *Store) Groups(ctx context.Context) (_ []store.Group, err error) {
	defer s.operation(ctx, "groups")(&err)
	list, err := all(s.query(ctx, `SELECT id, name, created_ms FROM person_group`), scanGroup)
	slices.SortFunc(list, compareGroups)
	return list, err
}

// AddMember implements store.Policies.
func (s *Store) AddMember(ctx context.Context, groupID, personID string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "add_member")(&err)
	return s.changePolicies(ctx, at, noticeExpires, func(t tx) ([]string, error) {
		added, err := t.exec(`INSERT INTO group_member (person_group, person) VALUES ($1, $2) ON CONFLICT (person_group, person) DO NOTHING`,
			groupID, personID)
		if err != nil || added == 0 {
			return nil, about("group or person", err)
		}
		return []string{personID}, nil
	})
}

// RemoveMember implements store.Policies.
func (s *Store) RemoveMember(ctx context.Context, groupID, personID string, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "remove_member")(&err)
	return s.changePolicies(ctx, at, noticeExpires, func(t tx) ([]string, error) {
		err := t.change("member", `DELETE FROM group_member WHERE person_group = $1 AND person = $2`, groupID, personID)
		return []string{personID}, err
	})
}

// Members implements store.Policies. A group that there is not has none.
func (s *Store) Members(ctx context.Context, groupID string) (_ []store.Person, err error) {
	defer s.operation(ctx, "members")(&err)
	list, err := all(s.query(ctx, `
		SELECT p.id, p.name, p.password_hash, p.disabled, p.created_ms, p.password_changed_ms
		FROM group_member m JOIN person p ON p.id = m.person WHERE m.person_group = $1`, groupID), scanPerson)
	slices.SortFunc(list, func(a, b store.Person) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

// GroupsOf implements store.Policies. A person that there is not is in none.
func (s *Store) GroupsOf(ctx context.Context, personID string) (_ []store.Group, err error) {
	defer s.operation(ctx, "groups_of")(&err)
	list, err := all(s.query(ctx, `
		SELECT g.id, g.name, g.created_ms FROM group_member m JOIN person_group g ON g.id = m.person_group WHERE m.person = $1`,
		personID), scanGroup)
	slices.SortFunc(list, compareGroups)
	return list, err
}

func compareGroups(a, b store.Group) int { return cmp.Compare(a.Name, b.Name) }

func scanGroup(row scanner) (g store.Group, err error) {
	err = row.Scan(&g.ID, &g.Name, instant{&g.Created})
	return g, err
}

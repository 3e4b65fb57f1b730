package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/latchkey-id/latchkey/internal/store"
)

// AddResource implements store.Resources.
func (s *Store) AddResource(ctx context.Context, r store.Resource) (err error) {
	defer s.operation(ctx, "add_resource")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("resource or its account", `INSERT INTO resource (account, identifier, service, created_ms) VALUES ($1, $2, $3, $4)`,
			r.Account, r.Identifier, r.Service, r.Created.UnixMilli())
	})
}

// RemoveResource implements store.Resources. It is not announced, so all questions about resources go to the primary.
func (s *Store) RemoveResource(ctx context.Context, account, identifier string) (err error) {
	defer s.operation(ctx, "remove_resource")(&err)
	return s.write(ctx, func(t tx) error {
		return t.change("resource", `DELETE FROM resource WHERE account = $1 AND identifier = $2`, account, identifier)
	})
}

// ResourceByIdentifier implements store.Resources.
func (s *Store) ResourceByIdentifier(ctx context.Context, account, identifier string) (_ store.Resource, err error) {
	defer s.operation(ctx, "resource_by_identifier")(&err)
	return one("resource", s.query(ctx, `
		SELECT account, identifier, service, created_ms FROM resource WHERE account = $1 AND identifier = $2`, account, identifier), scanResource)
}

// ResourcesCalled implements store.Resources. The order is that of bytes, whatever the database is set to.
func (s *Store) ResourcesCalled(ctx context.Context, identifier string) (_ []store.Resource, err error) {
	defer s.operation(ctx, "resources_called")(&err)
	list, err := all(s.query(ctx, `SELECT account, identifier, service, created_ms FROM resource WHERE identifier = $1`, identifier), scanResource)
	slices.SortFunc(list, func(a, b store.Resource) int { return cmp.Compare(a.Account, b.Account) })
	return list, err
}

// Resources implements store.Resources. The order is that of bytes, whatever the database is set to.
func (s *Store) Resources(ctx context.Context, account string) (_ []store.Resource, err error) {
	defer s.operation(ctx, "resources")(&err)
	list, err := all(s.query(ctx, `SELECT account, identifier, service, created_ms FROM resource WHERE account = $1`, account), scanResource)
	slices.SortFunc(list, func(a, b store.Resource) int { return cmp.Compare(a.Identifier, b.Identifier) })
	return list, err
}

func scanResource(row scanner) (r store.Resource, err error) {
	err = row.Scan(&r.Account, &r.Identifier, &r.Service, instant{&r.Created})
	return r, err
}

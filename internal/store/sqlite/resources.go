package sqlite

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	resourceColumns = `SELECT account, identifier, service, created_ms FROM resource`
	issuerColumns   = `SELECT id, account, issuer, audience, rules, created_ms FROM trusted_issuer`
)

// AddResource implements store.Resources.
func (s *Store) AddResource(ctx context.Context, r store.Resource) (err error) {
	defer s.operation(ctx, "add_resource")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("resource or its account", `INSERT INTO resource (account, identifier, service, created_ms) VALUES (?, ?, ?, ?)`,
			r.Account, r.Identifier, r.Service, r.Created.UnixMilli())
	})
}

// RemoveResource implements store.Resources.
func (s *Store) RemoveResource(ctx context.Context, account, identifier string) (err error) {
	defer s.operation(ctx, "remove_resource")(&err)
	return s.write(ctx, func(t tx) error {
		return t.change("resource", `DELETE FROM resource WHERE account = ? AND identifier = ?`, account, identifier)
	})
}

// ResourceByIdentifier implements store.Resources.
func (s *Store) ResourceByIdentifier(ctx context.Context, account, identifier string) (_ store.Resource, err error) {
	defer s.operation(ctx, "resource_by_identifier")(&err)
	return one("resource", s.query(ctx, resourceColumns+` WHERE account = ? AND identifier = ?`, account, identifier), scanResource)
}

// ResourcesCalled implements store.Resources.
func (s *Store) ResourcesCalled(ctx context.Context, identifier string) (_ []store.Resource, err error) {
	defer s.operation(ctx, "resources_called")(&err)
	return all(s.query(ctx, resourceColumns+` WHERE identifier = ? ORDER BY account`, identifier), scanResource)
}

// Resources implements store.Resources.
func (s *Store) Resources(ctx context.Context, account string) (_ []store.Resource, err error) {
	defer s.operation(ctx, "resources")(&err)
	return all(s.query(ctx, resourceColumns+` WHERE account = ? ORDER BY identifier`, account), scanResource)
}

func scanResource(row scanner) (r store.Resource, err error) {
	err = row.Scan(&r.Account, &r.Identifier, &r.Service, instant{&r.Created})
	return r, err
}

// AddTrustedIssuer implements store.Resources.
func (s *Store) AddTrustedIssuer(ctx context.Context, i store.TrustedIssuer) (err error) {
	defer s.operation(ctx, "add_trusted_issuer")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("trusted issuer or its account", `
			INSERT INTO trusted_issuer (id, account, issuer, audience, rules, created_ms) VALUES (?, ?, ?, ?, ?, ?)`,
			i.ID, i.Account, i.Issuer, i.Audience, i.Rules, i.Created.UnixMilli())
	})
}

// RemoveTrustedIssuer implements store.Resources.
func (s *Store) RemoveTrustedIssuer(ctx context.Context, id string) (err error) {
	defer s.operation(ctx, "remove_trusted_issuer")(&err)
	return s.write(ctx, func(t tx) error { return t.change("trusted issuer", `DELETE FROM trusted_issuer WHERE id = ?`, id) })
}

// TrustedIssuers implements store.Resources.
func (s *Store) TrustedIssuers(ctx context.Context) (_ []store.TrustedIssuer, err error) {
	defer s.operation(ctx, "trusted_issuers")(&err)
	return all(s.query(ctx, issuerColumns+` ORDER BY account, issuer, audience`), scanTrustedIssuer)
}

// TrustedIssuersCalled implements store.Resources.
func (s *Store) TrustedIssuersCalled(ctx context.Context, issuer string) (_ []store.TrustedIssuer, err error) {
	defer s.operation(ctx, "trusted_issuers_called")(&err)
	return all(s.query(ctx, issuerColumns+` WHERE issuer = ? ORDER BY account, audience`, issuer), scanTrustedIssuer)
}

func scanTrustedIssuer(row scanner) (i store.TrustedIssuer, err error) {
	err = row.Scan(&i.ID, &i.Account, &i.Issuer, &i.Audience, &i.Rules, instant{&i.Created})
	return i, err
}

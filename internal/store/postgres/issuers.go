package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/latchkey-id/latchkey/internal/store"
)

// AddTrustedIssuer implements store.Resources.
func (s *Store) AddTrustedIssuer(ctx context.Context, i store.TrustedIssuer) (err error) {
	defer s.operation(ctx, "add_trusted_issuer")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("trusted issuer or its account", `
			INSERT INTO trusted_issuer (id, account, issuer, audience, rules, created_ms) VALUES ($1, $2, $3, $4, $5, $6)`,
			i.ID, i.Account, i.Issuer, i.Audience, i.Rules, i.Created.UnixMilli())
	})
}

// RemoveTrustedIssuer implements store.Resources. It is not announced, so all questions about issuers go to the primary.
func (s *Store) RemoveTrustedIssuer(ctx context.Context, id string) (err error) {
	defer s.operation(ctx, "remove_trusted_issuer")(&err)
	return s.write(ctx, func(t tx) error {
		return t.change("trusted issuer", `DELETE FROM trusted_issuer WHERE id = $1`, id)
	})
}

// TrustedIssuers implements store.Resources. The order is that of bytes, whatever the database is set to.
func (s *Store) TrustedIssuers(ctx context.Context) (_ []store.TrustedIssuer, err error) {
	defer s.operation(ctx, "trusted_issuers")(&err)
	list, err := all(s.query(ctx, `SELECT id, account, issuer, audience, rules, created_ms FROM trusted_issuer`), scanTrustedIssuer)
	slices.SortFunc(list, compareIssuers)
	return list, err
}

// TrustedIssuersCalled implements store.Resources. The order is that of bytes, whatever the database is set to.
func (s *Store) TrustedIssuersCalled(ctx context.Context, issuer string) (_ []store.TrustedIssuer, err error) {
	defer s.operation(ctx, "trusted_issuers_called")(&err)
	list, err := all(s.query(ctx, `
		SELECT id, account, issuer, audience, rules, created_ms FROM trusted_issuer WHERE issuer = $1`, issuer), scanTrustedIssuer)
	slices.SortFunc(list, compareIssuers)
	return list, err
}

// compareIssuers orders by account, issuer and audience, in the order of bytes.
func compareIssuers(a, b store.TrustedIssuer) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Audience, b.Audience))
}

func scanTrustedIssuer(row scanner) (i store.TrustedIssuer, err error) {
	err = row.Scan(&i.ID, &i.Account, &i.Issuer, &i.Audience, &i.Rules, instant{&i.Created})
	return i, err
}

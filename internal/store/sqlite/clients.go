package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// AddClient implements store.Directory.
func (s *Store) AddClient(ctx context.Context, c signin.Client) (err error) {
	defer s.operation(ctx, "add_client")(&err)
	if c.Class != signin.Confidential {
		return errors.New("only confidential clients are kept")
	}
	return s.write(ctx, func(t tx) error {
		err := t.add("client or its principal", `INSERT INTO client (id, name, principal) VALUES (?, ?, ?)`, c.ID, c.Name, c.Principal)
		if err != nil {
			return err
		}
		for i, uri := range c.RedirectURIs {
			err := t.add("redirect URI", `INSERT INTO client_redirect (client, position, uri) VALUES (?, ?, ?)`, c.ID, i, uri)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ClientByID implements store.Directory.
func (s *Store) ClientByID(ctx context.Context, id string) (_ signin.Client, err error) {
	defer s.operation(ctx, "client_by_id")(&err)
	var c signin.Client
	found := false
	err = s.query(ctx, `
		SELECT client.id, client.name, client.principal, r.uri
		FROM client LEFT JOIN client_redirect r ON r.client = client.id WHERE client.id = ? ORDER BY r.position`, id).
		each(func(row scanner) error {
			found = true
			var uri sql.NullString
			err := row.Scan(&c.ID, &c.Name, &c.Principal, &uri)
			if uri.Valid {
				c.RedirectURIs = append(c.RedirectURIs, uri.String)
			}
			return err
		})
	switch {
	case err != nil:
		return signin.Client{}, about("client", err)
	case !found:
		return signin.Client{}, about("client", store.ErrNotFound)
	}
	c.Class = signin.Confidential
	return c, nil
}

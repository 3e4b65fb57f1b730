package postgres

import (
	"context"
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
		err := t.add("client or its principal", `INSERT INTO client (id, name, principal) VALUES ($1, $2, $3)`, c.ID, c.Name, c.Principal)
		if err != nil {
			return err
		}
		for i, uri := range c.RedirectURIs {
			err := t.add("redirect URI", `INSERT INTO client_redirect (client, position, uri) VALUES ($1, $2, $3)`, c.ID, int64(i), uri)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// clientRow is a client with one of its redirect URIs; nil: it has none.
type clientRow struct {
	client signin.Client
	uri    *string
}

// ClientByID implements store.Directory.
func (s *Store) ClientByID(ctx context.Context, id string) (_ signin.Client, err error) {
	defer s.operation(ctx, "client_by_id")(&err)
	rows, err := all(s.directory(ctx, `
		SELECT client.id, client.name, client.principal, r.uri
		FROM client LEFT JOIN client_redirect r ON r.client = client.id WHERE client.id = $1 ORDER BY r.position`, id), scanClient)
	switch {
	case err != nil:
		return signin.Client{}, about("client", err)
	case len(rows) == 0:
		return signin.Client{}, about("client", store.ErrNotFound)
	}
	c := rows[0].client
	c.Class = signin.Confidential
	for _, row := range rows {
		if row.uri != nil {
			c.RedirectURIs = append(c.RedirectURIs, *row.uri)
		}
	}
	return c, nil
}

func scanClient(row scanner) (r clientRow, err error) {
	err = row.Scan(&r.client.ID, &r.client.Name, &r.client.Principal, &r.uri)
	return r, err
}

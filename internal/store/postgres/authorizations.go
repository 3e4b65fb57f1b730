package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// SetConsoleAuthorization implements store.Perimeter.
func (s *Store) SetConsoleAuthorization(ctx context.Context, account string, on bool, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "set_console_authorization")(&err)
	return s.write(ctx, func(t tx) error {
		var changed int64
		var err error
		if on {
			changed, err = t.exec(`INSERT INTO console_authorization (account, created_ms) VALUES ($1, $2) ON CONFLICT (account) DO NOTHING`,
				account, at.UnixMilli())
		} else {
			changed, err = t.exec(`DELETE FROM console_authorization WHERE account = $1`, account)
		}
		switch {
		case err != nil:
			return about("account", err)
		case changed == 0:
			return t.change("account", `SELECT id FROM account WHERE id = $1`, account)
		}
		return t.announcePerimeter(account, at, noticeExpires)
	})
}

// ConsoleAuthorizationOf implements store.Perimeter.
func (s *Store) ConsoleAuthorizationOf(ctx context.Context, account string) (_ store.ConsoleAuthorization, err error) {
	defer s.operation(ctx, "console_authorization_of")(&err)
	return one("console authorization", s.query(ctx, `SELECT account, created_ms FROM console_authorization WHERE account = $1`, account), scanAuthorization)
}

func scanAuthorization(row scanner) (a store.ConsoleAuthorization, err error) {
	err = row.Scan(&a.Account, instant{&a.Created})
	return a, err
}

// AddPropagationApplication implements store.Perimeter. Where there is one already, whoever added it has committed, so it
// is seen.
func (s *Store) AddPropagationApplication(ctx context.Context, a store.PropagationApplication) (kept store.PropagationApplication, err error) {
	defer s.operation(ctx, "add_propagation_application")(&err)
	err = s.write(ctx, func(t tx) error {
		added, err := t.exec(`
			INSERT INTO propagation_application (account, instance, arn, created_ms) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account, instance) DO NOTHING`, a.Account, a.Instance, a.ARN, a.Created.UnixMilli())
		if err != nil {
			return about("account", err)
		}
		if added == 1 {
			kept = a
			kept.Created = time.UnixMilli(a.Created.UnixMilli()).UTC()
			return nil
		}
		kept, err = scanApplication(t.pg.QueryRow(t.ctx, `
			SELECT account, instance, arn, created_ms FROM propagation_application WHERE account = $1 AND instance = $2`, a.Account, a.Instance))
		return err
	})
	if err != nil {
		return store.PropagationApplication{}, err
	}
	return kept, nil
}

// PropagationApplications implements store.Perimeter. The order is that of bytes, whatever the database is set to.
func (s *Store) PropagationApplications(ctx context.Context, account, instance string) (_ []store.PropagationApplication, err error) {
	defer s.operation(ctx, "propagation_applications")(&err)
	list, err := all(s.query(ctx, `
		SELECT account, instance, arn, created_ms FROM propagation_application WHERE account = $1 AND instance = $2`,
		account, instance), scanApplication)
	slices.SortFunc(list, func(a, b store.PropagationApplication) int { return cmp.Compare(a.ARN, b.ARN) })
	return list, err
}

func scanApplication(row scanner) (a store.PropagationApplication, err error) {
	err = row.Scan(&a.Account, &a.Instance, &a.ARN, instant{&a.Created})
	return a, err
}

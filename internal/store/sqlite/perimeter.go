package sqlite

import (
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

// SetConsoleAuthorization implements store.Perimeter.
func (s *Store) SetConsoleAuthorization(ctx context.Context, account string, on bool, at, noticeExpires time.Time) (err error) {
	defer s.operation(ctx, "set_console_authorization")(&err)
	return s.write(ctx, func(t tx) error {
		if err := t.needs("account", `SELECT EXISTS (SELECT 1 FROM account WHERE id = ?)`, account); err != nil {
			return err
		}
		var changed int64
		var err error
		if on {
			changed, err = t.exec(`INSERT INTO console_authorization (account, created_ms) VALUES (?, ?) ON CONFLICT (account) DO NOTHING`,
				account, at.UnixMilli())
		} else {
			changed, err = t.exec(`DELETE FROM console_authorization WHERE account = ?`, account)
		}
		if err != nil || changed == 0 {
			return err
		}
		return t.announceAccount(account, at, noticeExpires)
	})
}

// ConsoleAuthorizationOf implements store.Perimeter.
func (s *Store) ConsoleAuthorizationOf(ctx context.Context, account string) (_ store.ConsoleAuthorization, err error) {
	defer s.operation(ctx, "console_authorization_of")(&err)
	return one("console authorization", s.query(ctx, `SELECT account, created_ms FROM console_authorization WHERE account = ?`, account), scanAuthorization)
}

func scanAuthorization(row scanner) (a store.ConsoleAuthorization, err error) {
	err = row.Scan(&a.Account, instant{&a.Created})
	return a, err
}

const applicationOf = `SELECT account, instance, arn, created_ms FROM propagation_application WHERE account = ? AND instance = ? ORDER BY arn`

// AddPropagationApplication implements store.Perimeter.
func (s *Store) AddPropagationApplication(ctx context.Context, a store.PropagationApplication) (kept store.PropagationApplication, err error) {
	defer s.operation(ctx, "add_propagation_application")(&err)
	err = s.write(ctx, func(t tx) error {
		err := t.add("account", `
			INSERT INTO propagation_application (account, instance, arn, created_ms) VALUES (?, ?, ?, ?) ON CONFLICT (account, instance) DO NOTHING`,
			a.Account, a.Instance, a.ARN, a.Created.UnixMilli())
		if err != nil {
			return err
		}
		kept, err = scanApplication(t.conn.QueryRowContext(context.Background(), applicationOf, a.Account, a.Instance))
		return err
	})
	if err != nil {
		return store.PropagationApplication{}, err
	}
	return kept, nil
}

// PropagationApplications implements store.Perimeter.
func (s *Store) PropagationApplications(ctx context.Context, account, instance string) (_ []store.PropagationApplication, err error) {
	defer s.operation(ctx, "propagation_applications")(&err)
	return all(s.query(ctx, applicationOf, account, instance), scanApplication)
}

func scanApplication(row scanner) (a store.PropagationApplication, err error) {
	err = row.Scan(&a.Account, &a.Instance, &a.ARN, instant{&a.Created})
	return a, err
}

package postgres

import (
	"context"

	"github.com/latchkey-id/latchkey/internal/store"
)

// AddServiceUser implements store.Directory.
func (s *Store) AddServiceUser(ctx context.Context, u store.ServiceUser) (err error) {
	defer s.operation(ctx, "add_service_user")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("service user or its account", `INSERT INTO service_user (id, account, name, policy, created_ms) VALUES ($1, $2, $3, $4, $5)`,
			u.ID, u.Account, u.Name, u.Policy, u.Created.UnixMilli())
	})
}

// ServiceUserByName implements store.Directory.
func (s *Store) ServiceUserByName(ctx context.Context, account, name string) (_ store.ServiceUser, err error) {
	defer s.operation(ctx, "service_user_by_name")(&err)
	return one("service user", s.directory(ctx, `
		SELECT id, account, name, policy, created_ms FROM service_user WHERE account = $1 AND name = $2`, account, name), scanServiceUser)
}

func scanServiceUser(row scanner) (u store.ServiceUser, err error) {
	err = row.Scan(&u.ID, &u.Account, &u.Name, &u.Policy, instant{&u.Created})
	return u, err
}

// AddAccessKey implements store.Directory. Whether the ring has k.RingKey is not looked at.
func (s *Store) AddAccessKey(ctx context.Context, k store.AccessKey) (err error) {
	defer s.operation(ctx, "add_access_key")(&err)
	return s.write(ctx, func(t tx) error {
		return t.add("access key or its user", `INSERT INTO access_key (id, service_user, ring_key, disabled, created_ms) VALUES ($1, $2, $3, $4, $5)`,
			k.ID, k.User, int64(k.RingKey), k.Disabled, k.Created.UnixMilli())
	})
}

// keyAndUser is a row of AccessKeyByID.
type keyAndUser struct {
	key  store.AccessKey
	user store.ServiceUser
}

// AccessKeyByID implements store.Directory. It asks the primary: that a key was disabled is not announced, so nothing
// would tell that a replica has not heard of it.
func (s *Store) AccessKeyByID(ctx context.Context, id string) (_ store.AccessKey, _ store.ServiceUser, err error) {
	defer s.operation(ctx, "access_key_by_id")(&err)
	found, err := one("access key", s.query(ctx, `
		SELECT k.id, k.service_user, k.ring_key, k.disabled, k.created_ms, u.id, u.account, u.name, u.policy, u.created_ms
		FROM access_key k JOIN service_user u ON u.id = k.service_user WHERE k.id = $1`, id), scanKeyAndUser)
	return found.key, found.user, err
}

func scanKeyAndUser(row scanner) (f keyAndUser, err error) {
	k, u := &f.key, &f.user
	err = row.Scan(&k.ID, &k.User, &k.RingKey, &k.Disabled, instant{&k.Created}, &u.ID, &u.Account, &u.Name, &u.Policy, instant{&u.Created})
	return f, err
}

// DisableAccessKey implements store.Directory.
func (s *Store) DisableAccessKey(ctx context.Context, id string) (err error) {
	defer s.operation(ctx, "disable_access_key")(&err)
	return s.write(ctx, func(t tx) error {
		return t.change("access key", `UPDATE access_key SET disabled = TRUE WHERE id = $1`, id)
	})
}

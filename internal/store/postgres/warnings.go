package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Warnings says what the settings of the server, as Open found them, put at risk of what the contract promises: commits
// that were answered, and are gone after a crash or when a standby is promoted. Most servers give none.
func (s *Store) Warnings() []string { return s.warnings }

// durability is what decides whether a commit stays; nil: the server does not know the setting.
type durability struct {
	flush, pages, commit, synchronous *string
	standbys                          int64
}

// durability asks the primary. A server that is no PostgreSQL need not know of standbys.
func (s *Store) durability(ctx context.Context) (durability, error) {
	d, err := one("settings", s.query(ctx, `
		SELECT current_setting('fsync', true), current_setting('full_page_writes', true),
			current_setting('synchronous_commit', true), current_setting('synchronous_standby_names', true)`), scanDurability)
	if err != nil {
		return d, err
	}
	d.standbys, err = one("standbys", s.query(ctx, `SELECT count(*) FROM pg_stat_replication`), scanCount)
	if _, said := errors.AsType[*pgconn.PgError](err); said {
		return d, nil
	}
	return d, err
}

func scanDurability(row scanner) (d durability, err error) {
	err = row.Scan(&d.flush, &d.pages, &d.commit, &d.synchronous)
	return d, err
}

// warnings says what is wrong with d. replica: the operator named a standby.
func (d durability) warnings(replica bool) (list []string) {
	is := func(setting *string, value string) bool { return setting != nil && *setting == value }
	if is(d.flush, "off") {
		list = append(list, "fsync is off: when the machine of the database crashes, commits are lost that were answered, "+
			"so that codes can be redeemed again, and the database may be damaged; turn it on")
	}
	if is(d.pages, "off") {
		list = append(list, "full_page_writes is off: when the machine of the database crashes, the database may be damaged; turn it on")
	}
	if is(d.commit, "local") {
		list = append(list, "synchronous_commit is local: commits that were answered are lost when a standby is promoted, "+
			"so that codes can be redeemed again; set it to on")
	}
	if is(d.synchronous, "") && (d.standbys > 0 || replica) {
		list = append(list, "synchronous_standby_names is empty although there is a standby: if that is promoted, commits "+
			"that were answered are lost, so that codes can be redeemed again; name it there, or never promote it")
	}
	return list
}

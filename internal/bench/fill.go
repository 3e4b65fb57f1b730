package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// filledSpan is how long ago the first of the sessions of a filled store began. It is shorter than a session, so that
// none of them has ended and is swept while the server is measured.
const filledSpan = 11 * time.Hour

// fill writes n sessions of n different keys into the session table of the database at path, which no server has open.
// They began one after the other, the last one now.
func fill(ctx context.Context, path string, n int, now time.Time) (err error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=rw"}).String())
	if err != nil {
		return fmt.Errorf("open the store to fill it: %w", err)
	}
	defer func() {
		if e := db.Close(); err == nil && e != nil {
			err = fmt.Errorf("close the filled store: %w", e)
		}
	}()
	transaction, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("fill the store: %w", err)
	}
	defer transaction.Rollback()
	// A context that cannot end: the driver spends a goroutine on others, a million times.
	insert, err := transaction.Prepare(`
		INSERT INTO session (id, end_ms, start_ms, issued_ms, auth_ms, proof_key, client, account, role, role_id, person, person_id, methods)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return fmt.Errorf("fill the store: %w", err)
	}
	defer insert.Close()
	lifetime := signin.DefaultLifetimes().Session
	var key signin.Thumbprint
	for i := range n {
		if i%1000 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		issued := now.Add(-filledSpan + time.Duration(float64(filledSpan)*float64(i)/float64(n)))
		start := issued.Truncate(time.Second)
		id := signin.NewSessionID(issued)
		rand.Read(key[:])
		p := testPrincipal
		if _, err := insert.Exec(id[:], start.Add(lifetime).UnixMilli(), start.UnixMilli(), issued.UnixMilli(), issued.UnixMilli(),
			key[:], signin.SameDevice, p.Account, p.Role, p.RoleID, p.Person, p.PersonID, "pwd"); err != nil {
			return fmt.Errorf("fill the store: %w", err)
		}
	}
	if err := transaction.Commit(); err != nil {
		return fmt.Errorf("fill the store: %w", err)
	}
	return nil
}

// testPrincipal is who all sessions of a run are for. No server looks a principal up to redeem a code or to refresh.
var testPrincipal = signin.Principal{
	Account: "111122223333", Role: "Developer", RoleID: "AROAQ3EGR5D2K7YHJ4XA", Person: "alice", PersonID: "AIDAQ3EGR5D2K7YHJ4XB",
}

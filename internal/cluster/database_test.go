package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
)

const databaseName = "latchkey"

// database is a PostgreSQL server with a synchronous standby.
type database struct {
	dir string

	mu      sync.Mutex
	servers [2]*pglocal.Server // by slot: each node has a link to each slot
	primary int                // which slot takes writes
	made    int
}

func startDatabase(t *testing.T) *database {
	t.Helper()
	d := &database{dir: t.TempDir()}
	primary := pgtest.Start(t, pglocal.Options{Address: "127.0.0.2"})
	if err := primary.CreateDatabase(t.Context(), databaseName); err != nil {
		t.Fatal(err)
	}
	d.servers[0] = primary
	d.copyPrimary(t)
	return d
}

// copyPrimary puts a new standby into the slot where the primary is not.
func (d *database) copyPrimary(t *testing.T) {
	t.Helper()
	d.made++
	standby, err := d.servers[d.primary].Standby(t.Context(), filepath.Join(d.dir, fmt.Sprint("standby-", d.made)), pglocal.Options{
		Address: fmt.Sprint("127.0.0.", 2+d.made%2), Settings: map[string]string{"wal_retrieve_retry_interval": "100ms"},
	})
	if err != nil {
		t.Fatal(err)
	}
	pgtest.KillAfter(t, standby)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.servers[1-d.primary] = standby
}

// failover kills the primary as a loss of power would, and makes the standby the primary.
func (d *database) failover(ctx context.Context, between func()) error {
	if err := d.servers[d.primary].Kill(); err != nil {
		return err
	}
	between()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.primary = 1 - d.primary
	return d.servers[d.primary].Promote(ctx)
}

// addresses returns where the servers are, by slot.
func (d *database) addresses() [2]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return [2]string{d.servers[0].Address(), d.servers[1].Address()}
}

// urlThrough returns the URL of the database, whichever of two addresses it is at.
func urlThrough(addresses [2]string) string {
	return fmt.Sprintf("postgres://postgres@%s,%s/%s?sslmode=disable&target_session_attrs=read-write&connect_timeout=2", addresses[0], addresses[1], databaseName)
}

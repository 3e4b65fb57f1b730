//go:build linux

package measure

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/capacity"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

// Few rows show that every kind of write is measured, and nothing about its cost.
func TestEveryCostOfSQLiteIsMeasured(t *testing.T) {
	var c capacity.Costs
	o := Options{
		Dir: t.TempDir(), Rows: 1000, Clock: time.Now, Progress: func(string) {},
		OpenSQLite: func(ctx context.Context, path string) (store.Store, error) {
			return sqlite.Open(ctx, path, time.Now(), sqlite.Options{})
		},
	}
	if err := o.sqlite(t.Context(), 60, &c); err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]float64{
		"insert": c.SQLite.Insert, "step": c.SQLite.Step, "audit": c.SQLite.Audit, "sweep": c.SQLite.Sweep, "poll": c.SQLite.Poll,
	} {
		if got <= 0 || got > 100 {
			t.Errorf("%s costs %v verifications, want a little", what, got)
		}
	}
	// A row has more bytes than its key and less than a page.
	if b := c.SQLiteBytes; b.Session < 100 || b.Session > 1000 || b.Step < 16 || b.Step > 200 || b.Audit < 100 || b.Audit > 2000 {
		t.Errorf("rows have %+v bytes", b)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, "latchkey.db")); err != nil {
		t.Error(err)
	}
}

func TestMemoryOfOneThing(t *testing.T) {
	got, err := heapOf(func(n int) (any, error) { return make([]byte, 64*n), nil })
	if err != nil || got < 60 || got > 70 {
		t.Errorf("heapOf 64 bytes each = %v, %v", got, err)
	}
}

func TestHandshakeIsDearerThanNothing(t *testing.T) {
	config, err := serverTLS(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if got, err := handshakes(listener, config, 20); err != nil || got < 50 || got > 50_000 {
		t.Errorf("handshakes = %v µs, %v; want some hundred", got, err)
	}
}

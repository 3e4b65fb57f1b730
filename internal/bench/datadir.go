package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/postgres"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

// databaseFile is the name of the database in the data directory of the server.
const databaseFile = "latchkey.db"

// dataDir is what servers of a scenario run on, one at a time, or as many as there are nodes.
type dataDir struct {
	path        string // of the data, where they are not in a database server
	database    string // URL of the database; empty: SQLite in path
	rootKey     string // as text
	rootKeyFile string
	copies      []dataDir // for further nodes, where each has a store of its own
}

// storeKind is what tells one store from another. The algorithm belongs to it, because a server that is told another one
// goes on signing by the one before until verifiers have had time to read the new key. So do the nodes: those of several
// subjects run at the same time.
type storeKind struct {
	sessions  int
	algorithm floor.Algorithm
	postgres  bool
	nodes     int
}

// store returns what a server of that setup runs on, with its sessions in its database and with its signing keys, and
// makes it at its first use.
func (l *lab) store(ctx context.Context, how setup) (*dataDir, error) {
	kind := storeKind{how.sessions, how.algorithm, how.postgres, how.nodes}
	if d, ok := l.stores[kind]; ok {
		return d, nil
	}
	folder := filepath.Join(l.dir, fmt.Sprintf("store-%d", len(l.stores)))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make a data directory: %w", err)
	}
	d := &dataDir{
		path: filepath.Join(folder, "data"), rootKey: keyring.NewRootKey(), rootKeyFile: filepath.Join(folder, "root.key"),
	}
	if err := os.WriteFile(d.rootKeyFile, []byte(d.rootKey+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write a root key: %w", err)
	}
	if how.postgres {
		var err error
		if d.database, err = l.newDatabase(ctx, filepath.Base(folder)); err != nil {
			return nil, err
		}
	}
	// The server itself makes the database, with its schema and its keys.
	p, _, _, err := l.serve(ctx, d, setup{algorithm: how.algorithm})
	if err != nil {
		return nil, err
	}
	if err := p.Stop(); err != nil {
		return nil, err
	}
	if how.sessions > 0 {
		l.say("filling a store with %s sessions", thousands(how.sessions))
		if err := fill(ctx, filepath.Join(d.path, databaseFile), how.sessions, time.Now()); err != nil {
			return nil, err
		}
	}
	if !how.postgres {
		if err := d.copyFor(how.nodes); err != nil {
			return nil, err
		}
	}
	l.stores[kind] = d
	return d, nil
}

// copyFor makes the copies for that many nodes but the first, of a store that no server has open.
func (d *dataDir) copyFor(nodes int) error {
	for i := 1; i < nodes; i++ {
		copied := dataDir{path: fmt.Sprintf("%s-%d", d.path, i), rootKey: d.rootKey, rootKeyFile: d.rootKeyFile}
		if err := os.CopyFS(copied.path, os.DirFS(d.path)); err != nil {
			return fmt.Errorf("copy a data directory: %w", err)
		}
		d.copies = append(d.copies, copied)
	}
	return nil
}

// of returns what the node with that index runs on.
func (d *dataDir) of(node int) *dataDir {
	if node == 0 || d.database != "" {
		return d
	}
	return &d.copies[node-1]
}

// where returns the line of a configuration that says where the data are.
func (d *dataDir) where() string {
	if d.database != "" {
		return fmt.Sprintf("database: {url: %q}", d.database)
	}
	return fmt.Sprintf("data: %q", d.path)
}

// ring opens the key ring of d as a server with that issuer and algorithm does, so that codes can be made without a
// browser. A server that runs on d has made all keys; nothing is written.
func (d *dataDir) ring(ctx context.Context, issuer string, a floor.Algorithm) (*keyring.Ring, error) {
	root, err := keyring.ParseRoot(d.rootKey)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	keys, err := d.open(ctx, now)
	if err != nil {
		return nil, err
	}
	defer keys.Close()
	const aMonth = 30 * 24 * time.Hour
	return keyring.Open(ctx, keys, root, keyring.Options{
		Issuer: issuer, Algorithm: string(a), Rotate: aMonth, Publish: time.Hour, Longest: aMonth,
	}, now)
}

// open opens the store beside the servers that have it open.
func (d *dataDir) open(ctx context.Context, now time.Time) (store.Store, error) {
	if d.database != "" {
		return postgres.Open(ctx, postgres.Options{URL: d.database, Now: now})
	}
	return sqlite.Open(ctx, filepath.Join(d.path, databaseFile), now, sqlite.Options{})
}

package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

// databaseFile is the name of the database in the data directory of the server.
const databaseFile = "latchkey.db"

// dataDir is what servers of a scenario run on, one at a time.
type dataDir struct {
	path        string
	rootKey     string // as text
	rootKeyFile string
}

// storeKind is what tells one store from another. The algorithm belongs to it, because a server that is told another one
// goes on signing by the one before until verifiers have had time to read the new key.
type storeKind struct {
	sessions  int
	algorithm floor.Algorithm
}

// store returns the data directory with that many sessions in its database and signing keys of that algorithm, and makes
// it at its first use.
func (l *lab) store(ctx context.Context, sessions int, a floor.Algorithm) (*dataDir, error) {
	kind := storeKind{sessions, a}
	if d, ok := l.stores[kind]; ok {
		return d, nil
	}
	folder := filepath.Join(l.dir, fmt.Sprintf("store-%d-%s", sessions, a))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make a data directory: %w", err)
	}
	d := &dataDir{
		path: filepath.Join(folder, "data"), rootKey: keyring.NewRootKey(), rootKeyFile: filepath.Join(folder, "root.key"),
	}
	if err := os.WriteFile(d.rootKeyFile, []byte(d.rootKey+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write a root key: %w", err)
	}
	// The server itself makes the database, with its schema and its keys.
	p, _, _, err := l.serve(ctx, d, a)
	if err != nil {
		return nil, err
	}
	if err := p.Stop(); err != nil {
		return nil, err
	}
	if sessions > 0 {
		l.say("filling a store with %s sessions", thousands(sessions))
		if err := fill(ctx, filepath.Join(d.path, databaseFile), sessions, time.Now()); err != nil {
			return nil, err
		}
	}
	l.stores[kind] = d
	return d, nil
}

// ring opens the key ring of d as a server with that issuer and algorithm does, so that codes can be made without a
// browser. A server that runs on d has made all keys; nothing is written.
func (d *dataDir) ring(ctx context.Context, issuer string, a floor.Algorithm) (*keyring.Ring, error) {
	root, err := keyring.ParseRoot(d.rootKey)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	keys, err := sqlite.Open(ctx, filepath.Join(d.path, databaseFile), now, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	defer keys.Close()
	const aMonth = 30 * 24 * time.Hour
	return keyring.Open(ctx, keys, root, keyring.Options{
		Issuer: issuer, Algorithm: string(a), Rotate: aMonth, Publish: time.Hour, Longest: aMonth,
	}, now)
}

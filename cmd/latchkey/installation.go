package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/server"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/postgres"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

// databaseFile is the name of the database in the data directory.
const databaseFile = "latchkey.db"

// configFlag is the flag of every command that works on an installation.
type configFlag struct {
	Config string `help:"Configuration file of the installation." default:"latchkey.yaml" env:"LATCHKEY_CONFIG" placeholder:"FILE"`
}

// installation is what administration commands work on: the store of a server, which may be running.
type installation struct {
	store.Store
	cfg config.Config
}

// with opens the installation, does something with it, and closes it.
func (f configFlag) with(ctx context.Context, do func(*installation) error) error {
	cfg, err := config.Read(f.Config)
	if err != nil {
		return err
	}
	st, err := openStore(ctx, cfg, nil)
	if err != nil {
		return err
	}
	return errors.Join(do(&installation{Store: st, cfg: cfg}), st.Close())
}

// ring opens the key ring, which needs the root key.
func (i *installation) ring(ctx context.Context, now time.Time) (*keyring.Ring, error) {
	root, err := i.cfg.RootKey.Load(ctx)
	if err != nil {
		return nil, err
	}
	return keyring.Open(ctx, i.Store, root, server.RingOptions(i.cfg), now)
}

// judge decides as the server does, by what the store has now.
func (i *installation) judge() *permit.Judge { return permit.New(i.Store, i.cfg.Region) }

// openStore opens the database of cfg: a server's, or a file, whose directory it makes if need be.
func openStore(ctx context.Context, cfg config.Config, observe store.Observer) (store.Store, error) {
	return openDatabase(ctx, cfg, storeOptions{observe: observe})
}

type storeOptions struct {
	observe store.Observer
	marked  bool // also one that servers may not use
}

func openDatabase(ctx context.Context, cfg config.Config, o storeOptions) (store.Store, error) {
	if cfg.Database.Shared() {
		primary, replica, err := cfg.Database.URLs()
		if err != nil {
			return nil, err
		}
		return postgres.Open(ctx, postgres.Options{
			URL: primary, Replica: replica, Connections: cfg.Database.Connections, Now: clock(), Observe: o.observe, Marked: o.marked,
		})
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be made: %w", err)
	}
	return sqlite.Open(ctx, filepath.Join(cfg.Data, databaseFile), clock(), sqlite.Options{Observe: o.observe, Marked: o.marked})
}

// explain turns store.ErrExists and store.ErrNotFound into a sentence about what.
func explain(err error, what string) error {
	switch {
	case errors.Is(err, store.ErrExists):
		return fmt.Errorf("%s exists already", what)
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("there is no %s", what)
	}
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
	"github.com/latchkey-id/latchkey/internal/transfer"
)

type storeCmd struct {
	Backup storeBackupCmd `cmd:"" help:"Write a copy of the database file, also while the server runs."`
	Copy   storeCopyCmd   `cmd:"" help:"Move the installation to another database, for example from its file to PostgreSQL."`
}

type storeBackupCmd struct {
	configFlag
	File string `arg:"" help:"The file to write. It must not exist."`
}

func (cmd storeBackupCmd) Run(ctx context.Context, o *output) error {
	cfg, err := config.Read(cmd.Config)
	if err != nil {
		return err
	}
	if cfg.Database.Shared() {
		return usageError("the database of this installation is a server's: back it up with pg_dump, or with pg_basebackup (docs/operations.md)")
	}
	if err := sqlite.Backup(ctx, filepath.Join(cfg.Data, databaseFile), cmd.File); err != nil {
		return err
	}
	o.line("%s", cmd.File)
	o.note("Keep it where only administrators can read it: it holds password hashes. The root key is not in it.")
	return nil
}

type storeCopyCmd struct {
	configFlag
	To      string `help:"Configuration file that names the new database. All else should be as in the old one." required:"" placeholder:"FILE"`
	Stopped bool   `help:"All servers of the old configuration are stopped. Needed when the old database is a PostgreSQL server."`
	Again   bool   `help:"Copy a database that was moved before. What happened at the new place since is not in it, as with a backup."`
}

// Run moves the installation.
func (cmd storeCopyCmd) Run(ctx context.Context, o *output) error {
	from, to, err := cmd.configs()
	if err != nil {
		return err
	}
	root, err := to.RootKey.Load(ctx)
	if err != nil {
		return err
	}
	if !to.Database.Shared() {
		release, err := lockData(to.Data)
		if err != nil {
			return err
		}
		defer release()
	}
	source, err := openMarked(ctx, from)
	if err != nil {
		return err
	}
	defer source.Store.Close()
	if err := checkRing(ctx, source.Store, root); err != nil {
		return err
	}
	target, err := openMarked(ctx, to)
	if err != nil {
		return err
	}
	defer target.Store.Close()
	return cmd.move(ctx, o, source, target, root)
}

// configs reads both configurations, and refuses what cannot become of each other.
func (cmd storeCopyCmd) configs() (from, to config.Config, err error) {
	if from, err = config.Read(cmd.Config); err != nil {
		return from, to, err
	}
	if to, err = config.Read(cmd.To); err != nil {
		return from, to, err
	}
	switch {
	case place(from) == place(to):
		return from, to, usageError("both configurations name " + place(from) + ": --to must name the new database")
	case from.BaseURLs[0] != to.BaseURLs[0]:
		return from, to, usageError("the first of base_urls is not the same in both configurations, so everybody would have to sign in again: make it " + from.BaseURLs[0])
	case from.Database.Shared() && !cmd.Stopped:
		return from, to, usageError("stop all servers of " + place(from) + " first, and then give --stopped: what they did meanwhile could be lost")
	}
	if !from.Database.Shared() {
		if _, err := os.Stat(filepath.Join(from.Data, databaseFile)); errors.Is(err, fs.ErrNotExist) {
			return from, to, fmt.Errorf("there is no database in %s: --config must name the installation to copy", from.Data)
		}
	}
	return from, to, nil
}

// place names the database of cfg for people.
func place(cfg config.Config) string {
	if !cfg.Database.Shared() {
		path := filepath.Join(cfg.Data, databaseFile)
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return path
	}
	primary, _, err := cfg.Database.URLs()
	if err != nil {
		return "a PostgreSQL server"
	}
	u, err := url.Parse(primary)
	if err != nil {
		return "a PostgreSQL server"
	}
	return "postgres://" + u.Host + u.Path
}

// openMarked opens the database of cfg, also where servers may not.
func openMarked(ctx context.Context, cfg config.Config) (transfer.Side, error) {
	st, err := openDatabase(ctx, cfg, storeOptions{marked: true})
	return transfer.Side{Store: st, Place: place(cfg)}, err
}

func checkRing(ctx context.Context, st store.Store, root *keyring.Root) error {
	rows, err := st.RingKeys(ctx)
	if err != nil {
		return err
	}
	err = keyring.Check(ctx, rows, root)
	if errors.Is(err, keyring.ErrWrongRoot) {
		return fmt.Errorf("%w. The new configuration needs the root_key of the old one", err)
	}
	return err
}

func (cmd storeCopyCmd) move(ctx context.Context, o *output, source, target transfer.Side, root *keyring.Root) error {
	o.note("Copying %s to %s.", source.Place, target.Place)
	digests, err := transfer.Move(ctx, source, target, transfer.Options{
		Now: clock(), Again: cmd.Again, Progress: progress(o),
		Check: func(ctx context.Context, rows []store.RingKey) error { return keyring.Check(ctx, rows, root) },
	})
	switch {
	case errors.Is(err, transfer.ErrMoved):
		return fmt.Errorf("%w. Use the configuration that names that; --again copies the old one once more", err)
	case errors.Is(err, transfer.ErrForeign), errors.Is(err, transfer.ErrUnfinished):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted; %s is as it was, and the same command goes on where it was", source.Place)
	case err != nil:
		return fmt.Errorf("%w. %s is as it was. Mend the cause and run the same command again, which goes on where it was; or empty %s and begin anew",
			err, source.Place, target.Place)
	}
	for _, p := range store.Parts() {
		o.line("%s  %d  sha256:%x", p, digests[p].Count, digests[p].Sum)
	}
	o.note("%s now holds all of %s, compared by count and SHA-256. The old one takes no sign-in and no notice any more.", target.Place, source.Place)
	o.note("Next: stop the old server, and start with --config %s.", cmd.To)
	return nil
}

// progress tells of long work every few seconds.
func progress(o *output) transfer.Progress {
	const pause = 2 * time.Second
	said := time.Now()
	return func(p store.Part, compared, changed int, reading bool) {
		if time.Since(said) < pause {
			return
		}
		said = time.Now()
		if reading {
			o.note("%s: %d read back", p, compared)
			return
		}
		o.note("%s: %d compared, %d written", p, compared, changed)
	}
}

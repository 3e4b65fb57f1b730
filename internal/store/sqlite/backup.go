package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup writes a copy of the database file at path, as it is at one moment, to a new file that only this user can read,
// and flushes it to the disk. The database may be in use by others; nothing in it changes, not even its schema. It fails
// where there is a file to already. While it works, or where it was killed, there is an incomplete to.partial.
func Backup(ctx context.Context, path, to string) error {
	if err := backup(ctx, path, to); err != nil {
		return fmt.Errorf("back up database %s: %w", path, explain(err))
	}
	return nil
}

func backup(ctx context.Context, path, to string) error {
	if _, err := os.Stat(path); err != nil { // else SQLite would speak of opening
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s exists already, and was not touched", to), err)
	}
	partial := to + ".partial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := create(partial); err != nil { // for its mode: SQLite fills an empty file
		return err
	}
	err := vacuumInto(ctx, path, partial)
	if err == nil {
		err = checkWhole(ctx, partial)
	}
	if err == nil {
		err = flush(partial)
	}
	if err == nil {
		err = os.Rename(partial, to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return flush(filepath.Dir(to))
}

// vacuumInto copies what a reader sees at one moment (https://www.sqlite.org/lang_vacuum.html).
func vacuumInto(ctx context.Context, path, to string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	db, err := connect(path)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, to)
	return errors.Join(err, db.Close())
}

// checkWhole reads the file at path through, as the disk or the memory of this computer may be bad.
func checkWhole(ctx context.Context, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	db, err := connect(path)
	if err != nil {
		return err
	}
	var verdict string
	err = db.QueryRowContext(ctx, `PRAGMA quick_check`).Scan(&verdict)
	if err == nil && verdict != "ok" {
		err = fmt.Errorf("the copy is damaged: %s", verdict)
	}
	return errors.Join(err, db.Close())
}

// flush waits until a file, or the names in a folder, are on the disk.
func flush(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

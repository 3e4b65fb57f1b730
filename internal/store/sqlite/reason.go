package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/latchkey-id/latchkey/internal/store"
)

var errClosed = errors.New("the store is closed")

// named puts the name of the operation, as "redeem code", before err, and behind it what may help.
func named(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", strings.ReplaceAll(operation, "_", " "), explain(err))
}

// hints says, for primary result codes of SQLite, what an operator can do.
var hints = map[int]string{
	lib.SQLITE_BUSY:     "another process has been writing to the database for too long; end it, or try again",
	lib.SQLITE_LOCKED:   "another connection keeps the database locked; try again",
	lib.SQLITE_FULL:     "the disk is full, or the file has reached its limit; make room, no restart is needed",
	lib.SQLITE_IOERR:    "the disk reports an error; look at the kernel's log and the health of the disk",
	lib.SQLITE_CORRUPT:  "the database file is damaged; stop the server and restore a backup",
	lib.SQLITE_NOTADB:   "the file is not an SQLite database, or its beginning is damaged; name another file or restore a backup",
	lib.SQLITE_CANTOPEN: "check that the folder exists, and that this user may write to the folder and the file",
	lib.SQLITE_READONLY: "check that this user may write to the folder and the file, and that the disk is not mounted read-only",
	lib.SQLITE_PERM:     "check that this user may write to the folder and the file",
	lib.SQLITE_PROTOCOL: "processes on this file do not see each other's locks; a database must lie on a local disk",
}

// explain adds a hint to an error of SQLite for which there is one.
func explain(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		if hint, ok := hints[e.Code()&0xff]; ok {
			return fmt.Errorf("%w: %s", err, hint)
		}
	}
	return err
}

// broken tells whether err leaves open what became of the transaction around the statement: SQLite may or may not have
// rolled it back (https://www.sqlite.org/lang_transaction.html, section 3.2). All other errors undo the statement alone.
func broken(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_CONSTRAINT, lib.SQLITE_MISMATCH, lib.SQLITE_TOOBIG:
		return false
	}
	return true
}

// refused turns the violation of a key into the error of the contract that it stands for.
func refused(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() {
	case lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_ROWID:
		return store.ErrExists
	case lib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return store.ErrNotFound
	}
	return err
}

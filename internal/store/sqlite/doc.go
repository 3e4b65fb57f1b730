// Package sqlite takes the events of the store contract and keeps them in one SQLite file; out come the same events,
// also after a crash.
//
// All writes go through one goroutine, the writer, which commits whatever is queued in one transaction, so that many
// callers share one flush of the disk. A caller is answered after the flush. Reads go through a small pool of connections
// that cannot write, beside the writer and never waiting for it (write-ahead log).
//
//	caller ─ RedeemCode ─┐                      ┌─ BEGIN IMMEDIATE
//	caller ─ Announce ───┼─ queue ── writer ────┼─ one statement, or one savepoint, for each
//	caller ─ AddRole ────┘                      └─ COMMIT, then all are answered
//	caller ─ PersonByName ── pool of readers
//
// Several processes may have the file open, for example the server and a command of the administrator: SQLite lets one
// of them write at a time and the others wait.
//
// No program that has a store open may open and close the database file by itself, not even for a copy: on Unix that
// closing takes away the locks that SQLite holds on the file. Use Backup, or the backup of the sqlite3 shell from another
// process.
package sqlite

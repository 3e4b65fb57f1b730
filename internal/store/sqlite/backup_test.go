package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A backup is made before an upgrade, by the new binary, so it must leave the schema alone.
func TestBackupIsACopyOfTheFileAsItIs(t *testing.T) {
	path, to := filepath.Join(t.TempDir(), "x.db"), filepath.Join(t.TempDir(), "it's a copy.db")
	schema, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	old := beside(t, path) // a binary of that schema, which goes on
	run(t, old, `PRAGMA journal_mode = WAL`)
	if err := migrate(t.Context(), old, schema[:2], noon); err != nil {
		t.Fatal(err)
	}
	code := session(noon)
	p := &code.Principal
	_, err = old.ExecContext(t.Context(), insertSession, code.ID[:], code.End.UnixMilli(), code.Start.UnixMilli(), code.Issued.UnixMilli(),
		code.AuthTime.UnixMilli(), code.Key[:], code.ClientID, p.Account, p.Role, p.RoleID, p.Person, p.PersonID, code.Methods, code.AsOf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to+".partial", []byte("of a backup that was killed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Backup(t.Context(), path, to); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, to} {
		if v, err := schemaVersion(t.Context(), beside(t, file)); v != 2 || err != nil {
			t.Errorf("schemaVersion of %s = %d, %v, want 2", filepath.Base(file), v, err)
		}
	}
	wantWhole(t, to)
	info, err := os.Stat(to)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup has mode %v, %v, want 0600", info.Mode(), err)
	}
	if _, err := os.Stat(to + ".partial"); !os.IsNotExist(err) {
		t.Errorf("Stat of the partial file = %v, want it gone", err)
	}
	if got, err := open(t, to).SessionByID(t.Context(), code.ID); err != nil || got != code {
		t.Errorf("SessionByID in the backup = %+v, %v, want %+v", got, err, code)
	}
}

func TestBackupReplacesNothing(t *testing.T) {
	folder := t.TempDir()
	path, to := filepath.Join(folder, "x.db"), filepath.Join(folder, "copy.db")
	open(t, path)
	if err := os.WriteFile(to, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{to: "exists already", filepath.Join(folder, "none", "copy.db"): "no such file"} {
		if err := Backup(t.Context(), path, where); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Backup to %s = %v, want %q", where, err, want)
		}
	}
	if b, err := os.ReadFile(to); err != nil || string(b) != "precious" {
		t.Errorf("the file that was there holds %q, %v", b, err)
	}
	if err := Backup(t.Context(), filepath.Join(folder, "no.db"), filepath.Join(folder, "new.db")); err == nil {
		t.Error("Backup of a file that is missing = nil")
	}
	if left, err := filepath.Glob(filepath.Join(folder, "*.partial")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

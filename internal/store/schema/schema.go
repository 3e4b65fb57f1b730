// Package schema reads the migrations of a driver, which it embeds as files, and says which binaries may work on a schema
// that they do not know: files in, an ordered list out.
//
// Every driver has migrations of the same numbers and names. They go forward only, and one that was released never
// changes.
//
// So that an upgrade stops nobody, binaries may work on a schema that is newer than they know. The first line of every
// script but the first says down to which: `-- works with: 1` promises that all that a binary does which knows schema 1
// goes on to succeed, and to mean the same. It is recorded in the database, because only there the older binary sees it.
package schema

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Migration is one step of a schema.
type Migration struct {
	Version int    // 1, 2, …
	Name    string // sign_in
	Script  string
	// WorksWith is the oldest schema that a binary may know and still work beside this one; 0: that of this migration.
	WorksWith int
}

const worksWithLine = "-- works with: "

// Read returns the migrations of files, which are called migrations/0001_sign_in.sql and so on, in order. It fails unless
// they are numbered without a gap, and each but the first says what it works with.
func Read(files fs.FS) ([]Migration, error) {
	paths, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var all []Migration
	for i, path := range paths {
		number, name, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(path, "migrations/"), ".sql"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 || len(number) != 4 || name == "" {
			return nil, fmt.Errorf("%s is not named %04d_<name>.sql", path, i+1)
		}
		script, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		m := Migration{Version: version, Name: name, Script: string(script)}
		if version > 1 {
			line, _, _ := strings.Cut(m.Script, "\n")
			m.WorksWith, err = strconv.Atoi(strings.TrimPrefix(line, worksWithLine))
			if err != nil || !strings.HasPrefix(line, worksWithLine) || m.WorksWith < 1 || m.WorksWith > version {
				return nil, fmt.Errorf("%s does not begin with the line %q and the number of a schema up to %d", path, worksWithLine, version)
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// Check returns nil when a binary that knows the first known migrations may work on a database of that version, the newer
// migrations of which need a binary that knows needs.
func Check(version, needs, known int) error {
	if version <= known || needs <= known {
		return nil
	}
	return fmt.Errorf("it was written by a newer version of latchkey (schema %d takes a binary that knows %d or more, this binary knows %d): "+
		"run that version or restore a backup", version, needs, known)
}

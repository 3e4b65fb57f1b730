package schema

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestMigrationsAreReadInOrder(t *testing.T) {
	got, err := Read(fstest.MapFS{
		"migrations/0002_two.sql": {Data: []byte("-- works with: 1\nB")},
		"migrations/0001_one.sql": {Data: []byte("A")},
		"migrations/notes.txt":    {Data: []byte("x")},
	})
	if err != nil || len(got) != 2 || got[0] != (Migration{1, "one", "A", 0}) || got[1] != (Migration{2, "two", "-- works with: 1\nB", 1}) {
		t.Errorf("Read = %+v, %v", got, err)
	}
}

func TestMisnamedMigrationsAreRefused(t *testing.T) {
	const first, works = "migrations/0001_one.sql", "-- works with: 1\n"
	for name, files := range map[string]fstest.MapFS{
		"a gap":                  {first: {}, "migrations/0003_x.sql": {Data: []byte(works)}},
		"no name":                {"migrations/0001_.sql": {}},
		"short number":           {"migrations/1_one.sql": {}},
		"no number":              {"migrations/one.sql": {}},
		"says nothing":           {first: {}, "migrations/0002_x.sql": {Data: []byte("CREATE TABLE x ()")}},
		"works with the future":  {first: {}, "migrations/0002_x.sql": {Data: []byte("-- works with: 3\n")}},
		"works with nothing":     {first: {}, "migrations/0002_x.sql": {Data: []byte("-- works with: 0\n")}},
		"says so in second line": {first: {}, "migrations/0002_x.sql": {Data: []byte("\n" + works)}},
	} {
		if got, err := Read(files); err == nil {
			t.Errorf("%s: Read = %+v, want an error", name, got)
		}
	}
}

func TestOldBinaryWorksOnWhatItIsPromised(t *testing.T) {
	for _, tt := range []struct {
		version, needs, known int
		good                  bool
	}{{2, 2, 2, true}, {1, 0, 2, true}, {3, 2, 2, true}, {3, 3, 2, false}, {9, 1, 2, true}} {
		err := Check(tt.version, tt.needs, tt.known)
		if (err == nil) != tt.good || err != nil && !strings.Contains(err.Error(), "newer version of latchkey") {
			t.Errorf("Check(%d, %d, %d) = %v, want good %v", tt.version, tt.needs, tt.known, err, tt.good)
		}
	}
}

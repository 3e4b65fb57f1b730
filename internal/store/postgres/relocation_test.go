package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
	"github.com/latchkey-id/latchkey/internal/store"
)

func TestMarkedDatabaseIsNotOpenedToServe(t *testing.T) {
	url := pgtest.Shared(t)
	s := open(t, url)
	for _, m := range []store.Mark{{State: store.Copying, Place: "there", At: noon}, {State: store.Moved, Place: "there", At: noon}} {
		must(t, "SetMark", s.SetMark(t.Context(), m))
		_, err := Open(t.Context(), Options{URL: url, Now: noon})
		if marked, ok := errors.AsType[*store.MarkedError](err); !ok || marked.Mark != m || !strings.Contains(err.Error(), "there") {
			t.Errorf("Open of a database that is %s = %v, want an error that names the place", m.State, err)
		}
		openOptions(t, Options{URL: url, Marked: true})
	}
}

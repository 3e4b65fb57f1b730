package postgres

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/pglocal"
	"github.com/latchkey-id/latchkey/internal/pglocal/pgtest"
)

func TestRiskySettingsAreWarnedOf(t *testing.T) {
	on, off, local, none, some := "on", "off", "local", "", "*"
	for name, tt := range map[string]struct {
		d       durability
		replica bool
		want    string // what the only warning begins with
	}{
		"a good server":                {durability{&on, &on, &on, &none, 0}, false, ""},
		"with a standby":               {durability{&on, &on, &on, &some, 1}, true, ""},
		"an engine without settings":   {durability{}, true, ""},
		"no fsync":                     {durability{&off, &on, &on, &none, 0}, false, "fsync is off"},
		"no whole pages":               {durability{&on, &off, &on, &none, 0}, false, "full_page_writes is off"},
		"commits are local":            {durability{&on, &on, &local, &some, 1}, false, "synchronous_commit is local"},
		"a standby that is not waited": {durability{&on, &on, &on, &none, 1}, false, "synchronous_standby_names is empty"},
		"a replica that is away":       {durability{&on, &on, &on, &none, 0}, true, "synchronous_standby_names is empty"},
	} {
		got := tt.d.warnings(tt.replica)
		if tt.want == "" && len(got) != 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tt.want)) {
			t.Errorf("%s: warnings = %q, want one that begins with %q, or none", name, got, tt.want)
		}
	}
}

func TestSettingsOfTheServerAreRead(t *testing.T) {
	primary := pgtest.Start(t, pglocal.Options{})
	begin := func(warning string) string { return strings.Join(strings.Fields(warning)[:3], " ") }
	heads := func(s *Store) (list []string) {
		for _, w := range s.Warnings() {
			list = append(list, begin(w))
		}
		return list
	}
	if got := heads(open(t, primary.URL("postgres"))); len(got) != 0 {
		t.Errorf("Warnings of a good server = %q, want none", got)
	}
	must(t, "Run", primary.Run(t.Context(), "postgres", `ALTER DATABASE postgres SET synchronous_commit = local`))
	pgtest.Standby(t, primary, pglocal.Options{})
	must(t, "StandAlone", primary.StandAlone(t.Context()))
	c := beside(t, primary.URL("postgres"))
	for number(t, c, `SELECT count(*) FROM pg_stat_replication`) == 0 {
		time.Sleep(time.Millisecond)
	}
	want := []string{"synchronous_commit is local:", "synchronous_standby_names is empty"}
	if got := heads(open(t, primary.URL("postgres"))); !slices.Equal(got, want) {
		t.Errorf("Warnings = %q, want %q", got, want)
	}
}

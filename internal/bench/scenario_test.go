package bench

import (
	"slices"
	"testing"
)

func TestScenariosAreChosenByName(t *testing.T) {
	all := scenarios(Options{Sessions: 10})
	if got, err := chosen(all, nil); err != nil || len(got) != len(all) {
		t.Errorf("chosen(nil) = %d scenarios, %v, want all %d", len(got), err, len(all))
	}
	got, err := chosen(scenarios(Options{Sessions: 10}), []string{"memory", "refresh"})
	if err != nil || len(got) != 2 || got[0].name != "refresh" || got[1].name != "memory" {
		t.Errorf("chosen = %d scenarios, %v, want refresh and memory, in the order of the table", len(got), err)
	}
	got, err = chosen(scenarios(Options{Sessions: 10}), []string{"redeem", "peer-refresh"})
	if err != nil || len(got) != 3 || got[0].name != "redeem-ES384" || got[1].name != "redeem-ES256" || got[2].name != "peer-refresh" {
		t.Errorf("chosen by the first word = %+v, %v, want both redeem-… and peer-refresh", got, err)
	}
	for _, name := range []string{"ref", "redeem-", ""} {
		if got, err := chosen(scenarios(Options{}), []string{name}); err == nil {
			t.Errorf("chosen(%q) = %d scenarios, want an error: it is no whole word", name, len(got))
		}
	}
	if _, err := chosen(all, []string{"refresh", "no such"}); err == nil {
		t.Error("chosen with an unknown name = nil error")
	}
}

func TestScenariosHaveDifferentNames(t *testing.T) {
	names := Names()
	slices.Sort(names)
	if len(slices.Compact(names)) != len(scenarios(Options{})) {
		t.Errorf("two scenarios of %q have one name", names)
	}
}

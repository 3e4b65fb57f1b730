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

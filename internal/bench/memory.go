package bench

import (
	"context"
	"fmt"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
)

// memoryBatch is how many refreshes are prepared at a time.
const memoryBatch = 10_000

// measureMemory sends the wanted number of refreshes to a fresh server and reads what it keeps in memory then, while the
// proofs of all of them are still remembered.
func measureMemory(ctx context.Context, l *lab, scenario string) (outcome, error) {
	s, err := refreshServer(setup{algorithm: floor.ES384, sessions: l.Sessions})(ctx, l, nil)
	if err != nil {
		return outcome{}, err
	}
	s.name = storeName(l.Sessions)
	var rounds []round
	for sent := 0; sent < l.Refreshes; sent += memoryBatch {
		r, err := s.round(ctx, l.Connections, min(memoryBatch, l.Refreshes-sent))
		if err != nil {
			return outcome{}, err
		}
		rounds = append(rounds, r)
	}
	m, err := s.measured(scenario, rounds)
	if err != nil {
		return outcome{}, err
	}
	l.say("%s: after %s refreshes: %.0f MiB resident, at most %.0f MiB", scenario, thousands(l.Refreshes), m.Resident, m.Peak)
	what := fmt.Sprintf("resident after %s refreshes", thousands(l.Refreshes))
	return outcome{
		measured: []Measured{m},
		findings: []Finding{
			Finding{Scenario: scenario, What: what, Unit: "MiB", Value: spreadOf([]float64{m.Resident}), Limit: limitResident}.judge(l.Judge),
			Finding{Scenario: scenario, What: "peak until then", Unit: "MiB", Value: spreadOf([]float64{m.Peak})}.judge(l.Judge),
		},
	}, stopAll([]*subject{s})
}

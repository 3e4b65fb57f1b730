package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
)

// scenario is one entry of the table: a name for the command line and the report, and what it does.
type scenario struct {
	name string
	run  func(ctx context.Context, l *lab, name string) (outcome, error)
}

// outcome is what a scenario adds to the report.
type outcome struct {
	measured []Measured
	findings []Finding
}

// The limits that the project sets itself, with 32 connections and 1 000 000 sessions.
const (
	limitCPU      = 1.5 // × the floor, per request
	limitReady    = 150 // ms from start to ready
	limitResident = 64  // MiB after 100 000 refreshes
)

// scenarios returns the table. To add a store, a number of nodes or an operation, add an entry.
func scenarios(o Options) []scenario {
	full, empty := o.Sessions, 0
	fullName := storeName(full)
	redemption := func(a floor.Algorithm) scenario {
		return scenario{"redeem-" + string(a), contest{
			contestants: []contestant{
				{fullName, redeemServer(a, full)},
				{"floor", floorFor(a)},
				{storeName(empty), redeemServer(a, empty)},
			},
			claims: []claim{{of: 0, to: 1, limit: limitCPU}, {of: 2, to: 1, limit: limitCPU}, {of: 0, to: 2}},
		}.run}
	}
	return []scenario{
		{"control", contest{
			contestants: []contestant{{"floor", floorFor("")}, {"floor again", floorFor("")}},
			claims:      []claim{{of: 1, to: 0, inform: true}},
		}.run},
		{"refresh", contest{
			contestants: []contestant{{fullName, refreshServer(floor.ES384, full)}, {"floor", floorFor("")}},
			claims:      []claim{{of: 0, to: 1, limit: limitCPU}},
		}.run},
		redemption(floor.ES384),
		redemption(floor.ES256),
		{"ready", measureReady},
		{"memory", measureMemory},
	}
}

// Run runs the scenarios that o names, one after the other, and returns what they found. It ends early, with an error,
// when a process or a request fails, or ctx ends. Nothing that it started or wrote is left.
func Run(ctx context.Context, o Options) (Report, error) {
	table, err := chosen(scenarios(o), o.Only)
	if err != nil {
		return Report{}, err
	}
	l, err := newLab(o)
	if err != nil {
		return Report{}, err
	}
	defer l.close()
	report := Report{Machine: thisMachine(), Settings: Settings{
		Connections: o.Connections, Sessions: o.Sessions, Rounds: o.Rounds, Seconds: o.Duration.Seconds(),
	}}
	for _, s := range table {
		out, err := s.run(ctx, l, s.name)
		if err != nil {
			return Report{}, fmt.Errorf("%s: %w", s.name, err)
		}
		report.Measured = append(report.Measured, out.measured...)
		report.Findings = append(report.Findings, out.findings...)
	}
	return report, nil
}

// Names returns the names of all scenarios, in the order in which they run.
func Names() []string {
	var names []string
	for _, s := range scenarios(Options{}) {
		names = append(names, s.name)
	}
	return names
}

// chosen returns the scenarios of the table with these names, in the order of the table; all of them for no name.
func chosen(table []scenario, names []string) ([]scenario, error) {
	if len(names) == 0 {
		return table, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(table, func(s scenario) bool { return s.name == name }) {
			return nil, fmt.Errorf("there is no scenario %q; there are %q", name, Names())
		}
	}
	return slices.DeleteFunc(table, func(s scenario) bool { return !slices.Contains(names, s.name) }), nil
}

// storeName names a store by the number of its sessions.
func storeName(sessions int) string {
	if sessions == 0 {
		return "empty store"
	}
	return thousands(sessions) + " sessions"
}

package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
	limitCPU      = 1.5  // × the floor, per request
	limitSigned   = 2.0  // × the floor of a refresh, per introspection or token for a signature
	limitPostgres = 1.05 // × SQLite, per refresh
	limitReady    = 150  // ms from start to ready
	limitResident = 64   // MiB after 100 000 refreshes
	limitPolicy   = 20   // µs of a decision on 100 statements
)

// scenarios returns the table. To add a store, a number of nodes or an operation, add an entry.
func scenarios(o Options) []scenario {
	full, empty := o.Sessions, 0
	fullName := storeName(full)
	redemption := func(a floor.Algorithm) scenario {
		return scenario{"redeem-" + string(a), contest{
			contestants: []contestant{
				{fullName, redeemServer(setup{algorithm: a, sessions: full})},
				{"floor", floorFor(a)},
				{storeName(empty), redeemServer(setup{algorithm: a})},
			},
			claims: []claim{{of: 0, to: 1, limit: limitCPU}, {of: 2, to: 1, limit: limitCPU}, {of: 0, to: 2}},
		}.run}
	}
	peer := func(a floor.Algorithm) scenario {
		return scenario{"peer-redeem-" + string(a), withPeer(contest{
			contestants: []contestant{{oneCore, redeemServer(setup{algorithm: a, oneCore: true})}, {peerName, peerRedeem(a)}},
			claims:      []claim{{of: 1, to: 0, inform: true, latency: true}},
		})}
	}
	// Beside the floor of a refresh, which is what the operations are held to.
	operation := func(name string, of func(string, directory) work, limit float64) scenario {
		return scenario{name, contest{
			contestants: []contestant{{fullName, operationServer(setup{algorithm: floor.ES384, sessions: full}, of)}, {"floor of a refresh", floorFor("")}},
			claims:      []claim{{of: 0, to: 1, limit: limit, inform: limit == 0}},
		}.run}
	}
	return []scenario{
		{"control", contest{
			contestants: []contestant{{"floor", floorFor("")}, {"floor again", floorFor("")}},
			claims:      []claim{{of: 1, to: 0, inform: true}},
		}.run},
		{"refresh", contest{
			contestants: []contestant{{fullName, refreshServer(setup{algorithm: floor.ES384, sessions: full})}, {"floor", floorFor("")}},
			claims:      []claim{{of: 0, to: 1, limit: limitCPU}},
		}.run},
		redemption(floor.ES384),
		redemption(floor.ES256),
		operation("introspect", introspections, limitSigned),
		operation("with-iam", clientCredentials, limitSigned),
		operation("grant-refresh", refreshesOfGrants, 0), // strict rotation is a durable write
		{"postgres-refresh", withPostgres(contest{
			contestants: []contestant{
				{"SQLite", refreshServer(setup{algorithm: floor.ES384})},
				{"PostgreSQL", refreshServer(setup{algorithm: floor.ES384, postgres: true})},
				{"3 × SQLite", refreshServer(setup{algorithm: floor.ES384, nodes: 3})},
				{"PostgreSQL, 3 nodes", refreshServer(setup{algorithm: floor.ES384, postgres: true, nodes: 3})},
			},
			claims: []claim{{of: 1, to: 0, limit: limitPostgres}, {of: 3, to: 2}, {of: 3, to: 1, inform: true}},
			after:  countStatements,
		}.run)},
		{"postgres-insert", withPostgres(measureInsert)},
		{"postgres-redeem", withPostgres(contest{
			contestants: []contestant{
				{"SQLite", redeemServer(setup{algorithm: floor.ES256})},
				{"PostgreSQL", redeemServer(setup{algorithm: floor.ES256, postgres: true})},
			},
			claims: []claim{{of: 1, to: 0, inform: true, latency: true}},
		}.run)},
		{"postgres-revoke", withPostgres(measureRevocation)},
		{"peer-refresh", withPeer(contest{
			contestants: []contestant{
				{oneCore, refreshServer(setup{algorithm: floor.ES256, oneCore: true})},
				{peerName, peerRefresh("offline_access")},
				{peerName + ", with id token", peerRefresh("openid offline_access")},
			},
			claims: []claim{{of: 1, to: 0, inform: true, latency: true}, {of: 2, to: 0, inform: true, latency: true}},
		})},
		peer(floor.ES384),
		peer(floor.ES256),
		{"policy", measurePolicy},
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

// named tells whether one of names means the scenario: its name, or the words that it begins with, as "redeem" means both
// redeem-ES384 and redeem-ES256.
func named(scenario string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return scenario == name || strings.HasPrefix(scenario, name+"-")
	})
}

// chosen returns the scenarios of the table that names mean, in the order of the table; all of them for no name.
func chosen(table []scenario, names []string) ([]scenario, error) {
	if len(names) == 0 {
		return table, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(table, func(s scenario) bool { return named(s.name, []string{name}) }) {
			return nil, fmt.Errorf("there is no scenario %q; there are %q", name, Names())
		}
	}
	return slices.DeleteFunc(table, func(s scenario) bool { return !named(s.name, names) }), nil
}

// storeName names a store by the number of its sessions.
func storeName(sessions int) string {
	if sessions == 0 {
		return "empty store"
	}
	return thousands(sessions) + " sessions"
}

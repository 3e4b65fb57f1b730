// Package capacity takes how many sessions there are and what operations cost, and says what machines that needs: requests
// and CPU, memory, disk, nodes, and which limit is met first.
//
//	Population, Curve ── Demand ──┐
//	Costs ────────────────────────┴── Plan ── Write
//	Population, Curve ── Simulate ── Simulated       the same demand, counted client by client
//
// It calculates, and measures nothing: package measure does.
package capacity

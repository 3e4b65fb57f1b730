package capacity

import "sort"

// Limit is what one thing must bear, and what it bears.
type Limit struct {
	What string  `json:"what"`
	Need float64 `json:"need"`
	Has  float64 `json:"has"`
	Unit string  `json:"unit"`
	Mend string  `json:"mend"` // what moves it
	// Setting is a default that the operator raises; else it is a machine or the design.
	Setting bool `json:"setting"`
}

// Headroom is how many times the need could be; below 1 the limit is exceeded.
func (l Limit) Headroom() float64 { return l.Has / l.Need }

const (
	usable    = 0.8        // share of the memory of a node that is not the system's
	watched   = 16 * 16384 // sessions that package reuse holds between two reports
	perClient = 5000       // limits.client
	openLimit = 10_000     // limits.connections
)

// limits returns the limits of p on PostgreSQL, the nearest first. Nodes are no limit: they are added.
func (p *Plan) limits(c Costs) []Limit {
	a, n := p.Assumptions, p.working()
	list := []Limit{
		{What: "memory of a node", Need: p.NodeMemory / gib, Has: a.NodeMemory * usable, Unit: "GiB",
			Mend: "larger nodes; fewer notices, which every node holds all; cells"},
		{What: "notices given", Need: p.Demand.Notices * a.Burst, Has: c.AnnouncePerSecond * a.Utilisation, Unit: "a second",
			Mend: "cells: all notices are numbered by one row"},
		{What: "CPU of the database", Need: p.DatabaseCores, Has: a.DatabaseCores * a.Utilisation, Unit: "cores",
			Mend: "reuse.detect off; cells"},
		{What: "write-ahead log of the database", Need: p.WAL / mib, Has: a.DatabaseWAL * a.Utilisation, Unit: "MiB/s",
			Mend: "reuse.detect off; cells"},
		{What: "connections to the database", Need: p.Nodes * connectionsPerNode, Has: a.DatabaseConnections, Unit: "",
			Mend: "larger nodes; database.connections lower; cells"},
		{What: "limits.client", Need: p.Refreshes / n, Has: perClient, Unit: "a second at a node", Mend: "raise it", Setting: true},
		{What: "limits.connections", Need: p.Open, Has: openLimit, Unit: "open at a node", Mend: "raise it", Setting: true},
	}
	if !a.NoReuse {
		list = append(list, Limit{What: "sessions between two reports", Need: p.Steps / n * reportSeconds, Has: watched, Unit: "at a node",
			Mend: "more nodes; what is beyond is not watched, and does no harm"})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Headroom() < list[j].Headroom() })
	return list
}

// First returns the nearest limit that is no setting.
func (p *Plan) First() Limit {
	for _, l := range p.Limits {
		if !l.Setting {
			return l
		}
	}
	return Limit{}
}

// engine says which store does.
func (p *Plan) engine() string {
	a := p.Assumptions
	switch {
	case p.First().Headroom() < 1:
		return "none in one cell"
	case p.working() > 1 || p.WriterCores > a.Utilisation:
		return "PostgreSQL"
	case a.Spare > 0:
		return "PostgreSQL (SQLite without spare)"
	}
	return "SQLite"
}

// Package bench runs scenarios against real server processes, and returns what they cost beside the least that any
// server could do for the same requests, and whether that is within the limits that the project sets itself.
//
//	scenario.go    the table of scenarios; another operation, store or number of nodes is another entry
//	contest.go     contestants of one scenario work in turn, in one run, so that the machine is the same to all
//	round.go       some seconds of load on one of them, and what they cost
//	server.go      contestant: latchkey serve, one node or several
//	floor.go       contestant: the floor process of package floor
//	peer.go peerwork.go    contestant: another service that checks proofs, in test/peer, and its requests
//	refresh.go redeem.go   the requests, made just before they are sent
//	datadir.go fill.go   the empty store, and one with a million sessions
//	postgres.go    the PostgreSQL server of a run, and what it is asked
//	insert.go      what the PostgreSQL driver costs beside a bare insert
//	revocation.go busy.go  how long it takes until all nodes have heard, under load
//	startup.go memory.go policy.go   what is measured without anything beside it
//	statistics.go report.go
//
// What is judged is the median of the ratios of rounds that followed each other, or has a limit in milliseconds, microseconds or MiB.
// Absolute CPU times belong to the machine that they were measured on.
//
// Nothing of the product imports this package.
package bench

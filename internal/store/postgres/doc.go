// Package postgres takes the events of the store contract and keeps them in a PostgreSQL database that many nodes share;
// out come the same events, at every node and also after a crash.
//
// Redemptions go through a queue: two writers insert whatever has queued up with one statement each, so that many callers
// share one round trip and one flush of the disk. Every other write is a transaction of its own on a connection of the
// pool, and is tried again where the server says that it lost a race. Reads go to the pool, and those of the directory to
// a replica where there is one that is not behind what this node has heard (see replica.go).
//
//	caller ─ RedeemCode ── queue ── 2 writers ── INSERT … SELECT FROM unnest(…)   primary
//	caller ─ AddRole, Announce … ── pool ── BEGIN … COMMIT                        primary
//	caller ─ RingKeys, SessionByID … ── pool                                      primary
//	caller ─ NoticesAfter, LastNotice ── polls: one connection                    primary
//	caller ─ PersonByName … ── pool of the replica, or pool                       replica, else primary
//	         Wake ── one connection that listens                                  primary
//
// What is durable is what the server's synchronous_commit makes durable; the driver sees to it that it is not off.
//
// The SQL is kept to what CockroachDB and YugabyteDB accept as well; features_test.go lists what is used. Where a server
// cannot LISTEN, Wake stays silent and the polling of callers goes on.
package postgres

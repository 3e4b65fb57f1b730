// Package cluster takes the built program and gives back a verdict on many nodes: do they keep every promise while
// processes die, the network is cut, clocks are wrong, the database fails over and the program is upgraded. It is a room
// of tests, and holds no code that anything else uses.
//
//	       clients, each request at a node of its choice; every request and its answer go into the history
//	          │
//	node 0   node 1   node 2     processes of `latchkey serve`, one clock 3 min ahead and one 3 min behind
//	 │  │     │  │     │  │      six links: TCP proxies that can be cut, refused, delayed and healed
//	primary ═══════ standby      PostgreSQL, synchronous; the standby can be promoted
//
// The history is held against a model of the sign-in service (one_login_test.go, and one_grant_test.go for clients that registered
// themselves) by a checker of linearizability, and against plain counts (audit_test.go, agent_audit_test.go), which need no trust
// in the model. In the end, when nobody else is at work, permission statements are switched, policies are attached, and a node
// loses its database: then each answer can be told before (quiet_test.go, without_test.go).
//
// What happens when is drawn from a seed, which every run prints. The environment repeats and lengthens a run:
//
//	LATCHKEY_SEED             the seed
//	LATCHKEY_CLUSTER_ROUNDS   how many rounds of all faults; default 1
//	LATCHKEY_CLUSTER_SECONDS  how long the load lasts on each side of a fault; default 0.3
//
// The program is built with the tag rehearsal, which no release has. With it, REHEARSAL_CLOCK and REHEARSAL_CLOCK_FILE
// shift the time of a node, and REHEARSAL_SCHEMA=next makes it a newer version with one more migration.
package cluster

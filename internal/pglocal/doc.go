// Package pglocal takes an empty folder and gives back a running PostgreSQL server in it, for tests and for the benchmark.
//
// The servers listen on a loopback address of this machine and nowhere else, let everybody in who reaches that address,
// and die with the program that started them. They are for data that nobody will miss.
//
//	Start ── Server ── Kill or Stop ── Restart
//	           │
//	           └── Standby ── Server ── Promote
//
// PostgreSQL refuses to run as root, so root runs it as the user postgres, who then owns the folder.
package pglocal

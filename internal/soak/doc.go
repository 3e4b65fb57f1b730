// Package soak lets a server work for a long time and tells whether anything of it grows: samples in, a verdict for each
// thing that was measured out. The long time itself is its test.
//
//	LATCHKEY_SOAK=5m go test -count=1 -v -timeout 0 -run Soak ./internal/soak     in CI
//	LATCHKEY_SOAK=1h …                                                            on demand; without it, some seconds
//
// The server is a process of its own, on SQLite and on PostgreSQL, built with the tag rehearsal so that its clock can run
// faster: an hour of codes, proofs, sessions and audit events passes in half a minute, and all that expires does so many
// times. People sign in at a steady pace, sessions refresh at half of what the server could do, and codes come a second time.
// Beside them, clients register themselves, rotate their tokens and lose sessions, programs have tokens made and ask about
// those of others, and an administrator puts statements and takes them away.
package soak

// Package reuse notices when one session is refreshed from two places: the steps of the refresh tokens that are brought
// go in, and suspicions come out.
//
// Every refresh token of a session works until the session ends, so that programs that share one cannot lock each other
// out. A program that keeps up brings ever newer tokens. When an old one is brought after a newer one, by more than the
// grace, then two parties refresh the session, or a program kept an old token in memory.
//
//	refresh ─ Brought ── what this node saw ── Report, every ten seconds ── store.Steps ── suspicions
//
// It needs memory that nodes share, and is off the way of requests: a report that is lost does no harm.
package reuse

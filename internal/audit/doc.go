// Package audit takes what an auditor wants to know of and keeps it in the store, off the way of requests: events in,
// rows out a moment later.
//
//	request ─ Note ── queue ── Flush, every second ── store
//
// An event that cannot be kept waits in memory, as many as fit; what does not fit is counted. Every event is in the log
// as well, at once.
package audit

// Package load sends prepared HTTP requests over a number of kept-alive connections, each waiting for its answer before
// it sends the next, and returns how long the answers took.
//
// All that costs CPU, above all the signing of proofs, is done before a run, and the client is no more than writing
// bytes and finding the end of the answer, because it shares the machine with the server whose cost is measured.
package load

// Package floor answers token requests with the least that any server must do for them, so that the cost of the real
// server can be told as a ratio that holds on every machine.
//
// A refresh: net/http, one DPoP proof parsed and its ES256 signature verified with the standard library, two envelopes
// of 300 bytes opened and two sealed, one key derived, and an answer with as many bytes as the real one. A redemption
// also signs once and makes one row durable by a group commit.
//
// It does nothing else, and so it is no server to use: it decodes no body, compares no URL, remembers no proof, logs
// nothing, counts nothing, limits nobody and answers everyone.
package floor

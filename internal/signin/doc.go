// Package signin holds the words and the rules of the service: clients, principals, authorizations, sessions and the
// steps they advance in, notices, and the closed list of faults.
//
// It does no I/O and imports no other room, so every room can share these words.
//
// A login moves through three sets of facts:
//
//	Request        what the browser asked for at GET /v1/authorize, once checked
//	Authorization  what a code carries: the request, who approved it, and for which role
//	Session        what a redeemed code became, and what every refresh token of it carries
package signin

// Package exchange answers CreateOAuth2TokenWithTokenExchange (RFC 8693): a JWT of an issuer that an account trusts, and a
// resource of that account, go in; an access token for the resource comes out, for a session of the role that the account's
// rules give to the JWT.
//
//	body ─ pace ─ token read ─ issuer and audience trusted ─ keys of the issuer ─ signature ─ role ─ resource ─ policies ─ token
//
// Nobody is signed in before the signature is verified, so what comes before it is cheap, asks nobody whom no account named,
// and tells nothing about accounts. What is written is nothing: the same JWT may be brought again until it expires, as RFC 8693
// has it.
package exchange

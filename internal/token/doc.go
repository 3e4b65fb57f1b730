// Package token answers CreateOAuth2Token, POST /v1/token: a code or a refresh token goes in, credentials come out.
//
// Every request takes the same corridor, and a grant fills in only its own part:
//
//	decode   package wire: the body, in any of three spellings
//	client   which client it is; how fast it may be
//	proof    that the caller is that client's: a DPoP proof, or a SigV4 signature
//	grant    authcode.go redeems a code, which is one durable write; refresh.go opens a refresh token, which is none
//	answer   answer.go mints the credentials of a step
//
// Nothing is consumed before everything that can be checked without consuming it was checked.
package token

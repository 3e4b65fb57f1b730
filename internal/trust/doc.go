// Package trust decides whether a JWT of another issuer is good, and whom it speaks for: the token, and the rules under
// which an account trusts its issuer, go in; a role and the name of a session come out.
//
//	text ─ Read ─ a token that claims something ─ Check ─ Keys.Find ─ Found.Verify ─ a token that is what it claims ─ Rules.Role
//	                                                        │
//	                              discovery and JWKS of the issuer, fetched and kept
//
// Signatures are verified by go-jose, with a key that the issuer publishes and an algorithm that the account's rules name.
// The header of a token chooses among those and nothing else: keys and addresses that it brings along are refused, as is
// whatever it declares critical. Symmetric algorithms do not exist here, so a public key is never taken for a secret.
//
// What is not verified here, because the rules of RFC 8693 allow it, is whether a token was brought before.
package trust

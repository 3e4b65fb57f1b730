// Package revoke ends sessions at the wish of those who may: a token goes in, and a notice comes out that ends the session that
// the token is of, with all its refresh tokens, access tokens and credentials, on every node within two seconds. The answer is
// empty.
//
//	POST /v1/revoke?x-amz-client-auth-method=iam   RevokeOAuth2TokenWithIAM: a signed request, by policy, of the caller's account
//	POST /v1/revoke                                the holder of the token (RFC 7009): with a proof of the session's key where it
//	                                               is bound to one, which those of devtools clients are
//
// Whoever asks for the end of what is over, of another account's, or of what is no token is answered the same (RFC 7009 section
// 2.2): what they wanted is so.
package revoke

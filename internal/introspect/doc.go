// Package introspect answers IntrospectOAuth2TokenWithIAM (RFC 7662): a signed request with a token goes in; what the token
// says comes out, or only that it is not good here.
//
//	ASOA…  access token of a dynamic client: good until it expires; nothing is read
//	ASOR…  refresh token of a dynamic client: good in its generation, which is one read
//	ASOR…  refresh token of a devtools or confidential client: good while its session lasts; nothing is read
//
// In every case a notice may have ended the session. Of tokens of other accounts, of tokens that are over and of what is no
// token the answer is the same, and nothing in it tells which.
package introspect

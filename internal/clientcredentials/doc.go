// Package clientcredentials answers CreateOAuth2TokenWithIAM and CreateBearerToken: a signed request that names a resource
// goes in, an access token for that resource comes out, for who signed it.
//
// The token is a JWT that the resource server verifies by itself. It lives no longer than the credentials that the request
// was signed with. Nothing is written: who asks again gets another token.
package clientcredentials

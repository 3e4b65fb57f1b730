// Package register lets clients register themselves (CreateOAuth2PublicClient, a subset of RFC 7591): what a stranger says
// about a client goes in, a client id comes out, and a row is kept until the registration ends.
//
// Nobody is asked who they are, so nothing is believed: the redirect URIs must be on the operator's list, the name is
// cleaned, and how much one address and all together may leave behind is bounded. A registered client can do nothing until
// a person approves it.
package register

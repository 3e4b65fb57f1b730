// Package credential mints temporary credentials and opens them again: a session and a step go in, an access key id,
// secret and session token come out; and from the session token that a caller brings back, the secret it must have
// signed with. It also writes the tokens that others verify: id tokens, and the access tokens of resource servers.
//
// Nothing about credentials is stored. The session token is an envelope, and the other two are derived from what is in
// it, so whoever holds the key ring can verify them, and the same step gives the same credentials on every node.
package credential

// Package awslogin takes the address of a sign-in server and leaves the cache file of a signed-in session, as `aws login`
// of the AWS CLI does: authorize with PKCE, redeem the code with a DPoP proof, write the file.
//
// It plays both halves, the CLI and the browser that it opens. The bytes of its requests follow the CLI 2.36: the order
// of parameters and members, the spaces in the body, the form of verifier, state and proof. It also asks for refreshes,
// so that a test sees the very answer that an SDK turns into an error of its own.
package awslogin

// Package sigv4 turns a request into who signed it with AWS Signature Version 4, or why the signature is none.
//
// It works in two steps, because the secret must be found between them:
//
//	signed, err := sigv4.Parse(sigv4.FromHTTP(r, body)) // who claims to have signed, and what
//	secret := …                                         // looked up by signed.AccessKeyID and signed.SessionToken
//	err = signed.Verify(secret, rules, now)             // whether it is true
//
// Nothing that Parse returns is proven before Verify returns nil. For an access key that does not exist, call Verify
// with any secret: then it takes as long as for one that does.
//
// Both forms are read: the Authorization header, and the query of a presigned URL. Every error is an *Error with one of
// a closed list of reasons, so that each caller can give it the code of its own protocol.
//
// What is signed is what AWS documents for services other than S3: the path is normalized and escaped once more, the
// query is sorted, signed headers are trimmed, and the payload hash is that of the whole body. Three things are stricter
// than the documentation:
//
//   - Every X-Amz-* header of the request must be signed. A session token that was added after signing, which some
//     older services take, is refused.
//   - The time of a header-signed request is X-Amz-Date. The Date header is not read.
//   - UNSIGNED-PAYLOAD and the streaming forms are refused.
//
// A Content-Type need not be signed: not every client does, and what it changes is how a body is read whose bytes are
// signed.
//
// The query is taken apart as net/url does it, where '+' is a space, so that what was signed is what the caller reads.
package sigv4

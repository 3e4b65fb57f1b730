// Package dpop turns the DPoP header of a request into a verdict: who holds the key that signed it, or why it is no
// proof for this request. It also remembers which proofs were answered.
//
// It accepts the subset of RFC 9449 that the clients of the token endpoint send: ES256 with the public key inside, and
// the claims htm, htu, iat and jti. There are no nonces, because no client answers a nonce challenge. It does no I/O
// and holds no state but Memory.
//
// The order of the checks is the order of their cost. Size and form come first, then what the header and the claims
// say, then whether the key is a point of the curve, and the signature last: whoever sends rubbish does not get an
// elliptic-curve operation for it.
//
// What clients do that a strict reader would not expect, and that is accepted here:
//
//   - JSON with line breaks, in any member order, with \/ and \u002b in strings
//   - x and y without their leading zero bytes; the thumbprint is that of the padded key, whatever was sent
//   - iat in any notation of a whole second, such as 1.7e9
//   - 62 or 63 bytes of signature, where r or s lost a leading zero byte
//   - http for https and the other way round, a query, user information and doubled slashes in htu
//   - the same proof again, after an answer was lost; see Memory
package dpop

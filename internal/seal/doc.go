// Package seal turns facts into envelopes and envelopes back into facts. An envelope is authenticated and encrypted, so
// what a caller brings back needs no row in the database.
//
// An envelope is the id of the key that sealed it (4 bytes), a nonce (24 bytes) and XChaCha20-Poly1305 of the facts,
// with the kind of the envelope and the issuer as associated data: an envelope of one kind, or of another installation,
// never opens as another. The nonce is HMAC-SHA256 of the facts under a key of its own, cut to 24 bytes (the
// construction of a synthetic IV): the same facts give the same bytes, which makes a refresh repeatable, and different
// facts cannot share a nonce, however many envelopes a key seals.
//
// The facts are a version byte and fields in fixed order; an unknown version is refused.
package seal

// Package rootkey reaches root keys on other machines: a key of the ring goes out to AWS KMS or to the transit engine of
// Vault (or to what speaks like one of them) and comes back wrapped, and the other way round.
//
// What is wrapped is bound to the row that it is for, twice: by the context that the service authenticates with it, and
// by a copy of the label beside the key, for services that accept a context and ignore it.
//
// Answers are bounded in time and size, redirects are not followed, and errors are in words of this package: nothing that
// a service answers is repeated, because it may hold what it was sent.
package rootkey

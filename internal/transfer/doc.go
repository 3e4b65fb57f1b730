// Package transfer makes one database hold what another holds: two archives in, the digests of what was copied out, or an
// error that names what differs. It knows neither engines nor servers.
//
// The contents of both are read side by side, by their keys, and what differs is written to the target: so a copy that was
// broken off goes on where it was, a second pass brings what changed since the first, and memory stays the same however
// much there is. What was written is then read back and compared with the source by count and SHA-256.
//
//	first pass     source in use     records that refer to newer ones are left for the second
//	second pass    source held       everything; read back; then the source is marked as moved
//	               target unmarked   from here on, and no sooner, a server can use it
//
// At no moment can servers use both.
package transfer

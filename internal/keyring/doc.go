// Package keyring keeps the keys of the service: a root key and the wrapped keys of the database go in, keys that seal,
// sign and derive come out.
//
// The life of a key:
//
//	published   it is in the database, and every node loads it; nothing is made with it yet
//	in use      from its UseFrom on, until the UseFrom of the next key of its purpose
//	opening     what it made is still good, and is still opened and verified
//	expired     nothing that it made can be good any more; it is deleted
//
// Which key is in use depends on nothing but the time that is asked about. So all nodes seal the same facts of the same
// moment to the same bytes, also while a rotation is under way.
package keyring

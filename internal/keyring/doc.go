// Package keyring keeps the keys of the service: a root key and the wrapped keys of the database go in, keys that seal,
// sign and derive come out.
//
// The life of a key:
//
//	published   it is in the database, and every node loads it; nothing is made with it yet
//	in use      from its UseFrom on, until the UseFrom of the next key of its purpose
//	retired     what it made is still good, and is still opened and verified
//	expired     nothing that it made can be good any more; it is not loaded, and deleted
//
// Which key is in use depends on nothing but the time that is asked about. So all nodes seal the same facts of the same
// moment to the same bytes, also while a rotation is under way.
//
// # Many nodes
//
// Nodes agree through the database alone: keys are added only to the ring that was looked at, so of nodes that find it in
// need of keys one makes them. A key may seal on one node while another has not loaded it yet, and there what it sealed
// would be refused for good. Hence the wait between publishing and use, Options.Publish, and its measure. With nodes whose
// clocks are wrong by at most Skew, a key is first used no sooner than Publish - 2*Skew - Ahead after it was added. A node that
// last loaded the ring longer ago than that may lack a key, so Ready says that it must not serve. The other way round
// there is nothing to wait for: a node that has not heard of the next key seals with the one before, which every other
// node holds until the longest envelope has ended.
//
// A root key that is out of reach stops no running node: keys that were unwrapped once stay in memory. Nor does it keep a
// key that was retired out of turn: what memory knows is applied before any root key is asked, and nobody waits for those
// that hang. A retired key does not come back, because an expiry is only moved by who has seen the one before.
//
// No id is given twice, so the expired key with the highest one stays in the database until there is a higher one. And a
// key that a node holds is that of a row only if id, purpose and time of creation are the same.
package keyring

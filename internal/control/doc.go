// Package control answers the operations with which an account is administered over the wire: resource permission
// statements, console authorization, and applications for trusted identity propagation. A signed request goes in; a change
// in the store and a line in the audit trail come out.
//
//	decode ─ who signed ─ may they ─ one method of the store ─ answer
//
// Every caller works on their own account. What they write takes effect through package perimeter, which hears of it by a
// notice.
package control

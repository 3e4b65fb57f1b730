// Package perimeter keeps people out who come from elsewhere than the permission statements of an account say: statements
// and a network go in, a fault or nothing comes out, without touching the database.
//
//	PutResourcePermissionStatement ── Statement ── store
//	                                                 │ Load, when a notice says so
//	GetResourcePolicy ── Policy ◄── Statement.Policy ─┤
//	                                                 ▼
//	                                   Wall ── Check, before and after authentication
//
// What GetResourcePolicy prints is what is evaluated: both are made by Statement.Policy.
package perimeter

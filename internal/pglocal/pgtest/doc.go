// Package pgtest takes a test and gives it an empty PostgreSQL database, on a server that all tests of the binary share,
// or a server of its own.
//
// Where PostgreSQL is not installed the test is skipped, but fails when the environment says CI=true.
package pgtest

// Package testkit starts a whole server for a test, on a real database in a temporary directory, and plays the client and
// the browser. A test says what happens, and gets the answers as a client would read them.
//
// Inside a synctest bubble the server's time is the bubble's: sleep, and it is later.
package testkit

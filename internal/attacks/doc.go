// Package attacks holds tests only: the attacks that other servers of this kind fell to go in, each as a story with its
// class and the vulnerabilities that it is known from, and it comes out that this server, whole and real, withstands them.
//
// One test stands for one class. The table in classes_test.go lists them with their numbers in the CWE, and the tests of
// other rooms that prove the same class closer to its defence; docs/threat-model.md says what the defence is, and a test
// keeps the table, the tests and that document in step. Where a class is proved elsewhere in all its cases, the test here
// is its end-to-end form: a few cases that reach the server as an attacker would send them.
package attacks

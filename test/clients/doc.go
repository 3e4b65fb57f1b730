// Package clients drives the AWS SDKs for Go, JavaScript and Python, each in its newest and its oldest version with
// support for `aws login`, against a real latchkey process, and checks what they print and leave behind.
//
//	main_test.go      builds the server and the Go drivers
//	server_test.go    starts, stops and administers a server process
//	client_test.go    the table of clients, and how one is run
//	home_test.go      what a client finds: profile, environment and the cache file of a login
//	login_test.go     what `aws login` sees
//	refresh_test.go   the clients when all goes well: refresh, a short coordinate, SDKs in turn on one cache, a restart
//	processes_test.go eight processes at once on one cache
//	refusal_test.go   the clients when the server refuses: the table of reasons and of what each SDK makes of them
//	overload_test.go  the clients when the server has too much to do
//	sts_test.go       the clients when STS refuses their credentials
//
// The SDKs also have a client of the service itself, for programs that call its operations:
//
//	program_test.go    the table of these clients, and how one is asked to make a call
//	scene_test.go      what calls need: a server, somebody who may do all, ways to sign
//	issuer_test.go     an OpenID provider of others
//	dynamic_test.go    the tokens of a client that registered itself
//	operations_test.go the operations that give tokens
//	introspect_test.go introspection and revocation
//	control_test.go    the control plane
//	fault_test.go      refusals: of callers, inputs, logins and exchanges
//	limit_test.go      refusals of a server that has enough, or cannot
//
// The login itself is played by package awslogin, because the AWS CLI v2 is in no package registry.
package clients

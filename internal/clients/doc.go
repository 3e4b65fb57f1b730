// Package clients turns a client id into a client: the id goes in, as a stranger sent it, and out comes what the client is
// called, where it may be sent and what it may do, or a fault that says that nobody has that id.
//
//	arn:…:devtools/…             built in
//	arn:…:confidential-client/…  from the directory
//	arn:…:external-client/dcr/…  registered itself: from the store, until the registration ends
//	https://…                    describes itself: a document is fetched from there, where the operator allows that
//
// What a stranger said about a client is cleaned here, so that all who show it or act on it may trust its form; that it is
// true, nobody knows.
package clients

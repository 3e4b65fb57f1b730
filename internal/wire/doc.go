// Package wire turns bytes into requests and answers and faults into bytes. It is the only room that knows how members
// are spelled in JSON and forms, and the only one that writes an answer of the API.
//
// The way through it:
//
//	Call         one request, with the time, the id and the record that belong to it
//	DecodeToken  body → TokenRequest, in any of three spellings
//	WriteToken   TokenAnswer → body, in the spelling of the request
//	WriteFault   error → status, headers and body, by the one table in fault.go
package wire

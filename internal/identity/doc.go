// Package identity tells who is at the browser: a name and a password in, a person out; a cookie in, a signed-in browser
// out.
//
// The way of one attempt:
//
//	throttle.go       may this address, or this known browser, try once more now? How long must a stranger wait?
//	gate.go           as many hashes at a time as there are cores, and a short queue before them
//	password.go       argon2id of what was typed, also when there is nobody of that name
//	authenticator.go  the three in order, and one answer for every kind of no
//
// The two cookies:
//
//	browser.go  a signed-in browser; it holds until it expires or a notice ends it
//	device.go   a browser where a person signed in before; it lets nobody in, and only separates the attempts of that
//	            browser from those of strangers
package identity

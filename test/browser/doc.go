// Package browser takes a latchkey process and real Chromium, and tells whether the pages do for a person what they must.
//
// Every test has a server, a browser profile and a program that waits for its code (as the AWS CLI does) of its own; the
// browser process is one for all. The tests say what a person does, and check what the person then sees and what the
// program receives.
//
//	main_test.go       builds the server, starts Chromium
//	server_test.go     starts, stops and administers a server process
//	tab_test.go        a browser tab, and what no page may do in it: see newTab
//	person_test.go     what a person does with a tab, and sees there
//	program_test.go    the program that wants to be let in
//	redeem_test.go     what it does with its code
//	sign_in_test.go    passwords, the browser session, signing out
//	consent_test.go    the choice of a role, yes and no
//	registered_test.go clients that registered themselves
//	remote_test.go     the code that is carried to another device
//	history_test.go    going back, reloading, clicking twice, coming too late
//	refusal_test.go    requests that must lead nowhere
//	foreign_test.go    what pages of other sites try
//	keyboard_test.go   doing without a mouse
//	views_test.go      the table of all pages
//	legible_test.go    contrast, motion and sizes
//	page_test.go       what every page must be: named, legible, narrow; and its pictures in artifacts/screenshots
//
// The tests need Chromium (install.sh) and no network: the browser resolves no name. Without Chromium they are skipped,
// and with CI=true they fail.
package browser

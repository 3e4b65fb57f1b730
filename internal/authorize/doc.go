// Package authorize is the browser's half of a sign-in: a browser in, a code out (AuthorizeOAuth2Access).
//
//	                 GET /v1/authorize, GET /v1/sessions
//	                          │ request.go: every parameter is checked
//	     client or redirect   │   anything else wrong
//	  ┌───── URI wrong ───────┼─────────────────────────► 302 to the client with error   answer.go
//	  ▼                       │
//	a page            signed in already?
//	                    no │      │ yes
//	   login.go  sign-in page     consent page  consent.go
//	      POST /sign-in │   ▲         │ POST /consent
//	                    └───┼─────────┤
//	            303 to /v1/authorize  ├── deny ──► 302 to the client with error=access_denied
//	                                  └── allow ─► 302 to the client with a code
//
// A dynamic client names the resource that its tokens will be for (target.go), and only roles in accounts that have it are to
// choose from. Where its redirect URI is opened by a program, like vscode:, a page takes the place of the redirect.
//
// A cross-device client is sent to GET /v1/sessions/confirmation of this server, which shows the code to be copied
// (confirmation.go).
//
// Between the pages nothing is stored. Each page carries the checked request, and the session that approving it will
// name, sealed in a hidden field; so a page that is sent twice names one session, which can be redeemed once.
package authorize

// Package fetch gets a document that a stranger or an administrator named by its URL: the URL goes in, bytes come out,
// and nothing inside the operator's network can be reached by it.
//
//	URL ─ checked ── resolver ── each address that is about to be dialled ─ checked ── TLS ── GET ── bounded answer
//
// The address is checked where the socket is connected, so it does not matter what a name resolved to a moment before
// (DNS rebinding), nor how an address was written. Redirects are not followed, no proxy is asked, and no cookie or
// credential is ever sent.
package fetch

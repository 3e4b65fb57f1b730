package server

import (
	"net/http"
	"strings"

	"github.com/latchkey-id/latchkey/internal/wire"
)

// What pages of other origins may do with the paths that crossOrigin opens (Fetch standard, "CORS protocol"). Clients in
// browsers, MCP clients above all, discover, register and ask for tokens there. None of these paths looks at cookies, so
// what a page can do any program can do, and every origin is let in, without credentials.
const (
	// allowedHeaders are those that OAuth and MCP clients send beyond what needs no permission.
	allowedHeaders = "Authorization, Content-Type, DPoP, MCP-Protocol-Version, X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256"
	exposedHeaders = "X-Amzn-RequestId, X-Amzn-ErrorType, Retry-After"
	// preflightAge is how long a browser keeps the answer to a preflight, in seconds; browsers cap it at two hours or less.
	preflightAge = "7200"
)

// crossOrigin lets pages of other origins read the answers of each path, which must be there.
func (r routes) crossOrigin(paths ...string) {
	for _, path := range paths {
		methods := r[path]
		if methods == nil {
			panic("server: no handler of " + path)
		}
		names := make([]string, 0, 2)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if h := methods[method]; h != nil {
				names = append(names, method)
				methods[method] = readable(h)
			}
		}
		methods[http.MethodOptions] = preflight(strings.Join(names, ", "))
	}
}

// readable lets pages of any origin read what h answers. A request of a program, which names no origin, is answered as it
// is.
func readable(h wire.Handler) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) {
		if c.Method == http.MethodGet || c.Header["Origin"] != nil {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Set("Access-Control-Expose-Headers", exposedHeaders)
		}
		h(w, c)
	}
}

// preflight answers the question of a browser whether a page may send its request.
func preflight(methods string) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) {
		c.Record.Operation, c.Record.Outcome = "Preflight", "ok"
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", allowedHeaders)
		h.Set("Access-Control-Max-Age", preflightAge)
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusNoContent)
	}
}

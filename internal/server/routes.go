package server

import (
	"net/http"
	"strings"

	"github.com/latchkey-id/latchkey/internal/wire"
)

// routes are the exact paths of the server and their methods. No path has a variable part.
type routes map[string]map[string]wire.Handler

// add takes a pattern like "GET /path".
func (r routes) add(pattern string, h wire.Handler) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		panic("server: pattern without a method: " + pattern)
	}
	path = strings.TrimSuffix(path, "{$}") // as the standard mux spells "this path only", which every path is here
	if r[path] == nil {
		r[path] = map[string]wire.Handler{}
	}
	if r[path][method] != nil {
		panic("server: two handlers of " + pattern)
	}
	r[path][method] = h
}

// wrap replaces the handlers of path by what beside makes of each; of a method without a handler, beside gets nil.
func (r routes) wrap(path string, beside func(next wire.Handler) wire.Handler) {
	if r[path] == nil {
		r[path] = map[string]wire.Handler{}
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r[path][method] = beside(r[path][method])
	}
}

// match returns the registered path that a path of a request stands for, or "". It tolerates doubled slashes, which some
// clients send when their endpoint ends in one, and a slash at the end.
func (r routes) match(path string) string {
	if r[path] != nil {
		return path
	}
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if r[path] != nil {
		return path
	}
	if path = strings.TrimSuffix(path, "/"); r[path] != nil {
		return path
	}
	return ""
}

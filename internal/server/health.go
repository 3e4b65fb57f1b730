package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// live answers GET /livez: 200 while the process serves. What it needs from others is not its fault, and a restart would
// not help.
func (s *Server) live(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation, c.Record.Outcome = "Live", "ok"
	wire.WriteJSON(w, c, http.StatusOK, []byte(`{"status":"ok"}`))
}

// readiness is what GET /readyz says.
type readiness struct {
	Status string            `json:"status"`            // ready, or why not: stopping, deaf, keyless
	Heard  int64             `json:"database_heard_ms"` // ago
	Checks map[string]string `json:"checks"`
}

// whenReady answers with h while the key ring holds every key that other nodes may be using. Without one, what they sealed
// would be refused for good; a 503 is tried again.
func (s *Server) whenReady(h wire.Handler) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) {
		if err := s.ring.Ready(c.Now); err != nil {
			wire.WriteFault(w, c, signin.RefuseBecause(err, signin.Overloaded, "This server lacks a key that others use. Try again shortly."))
			return
		}
		h(w, c)
	}
}

// fresh returns nil, or why every session is refused here: nobody can know what ended, or from where people may come.
func (s *Server) fresh(now time.Time) error {
	if err := s.board.Fresh(now); err != nil {
		return err
	}
	return s.wall.Fresh(now)
}

// late is how old the last word from the database may be before /readyz says that it is away.
const late = 5 * time.Second

// ready answers GET /readyz: 200 while requests should be sent here. A database that is away does not change that:
// refreshes go on, and other nodes would have the same trouble; but a node that has heard no notices for too long refuses,
// and so does one that lacks a key.
func (s *Server) ready(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation, c.Record.Outcome = "Ready", "ok"
	age := c.Now.Sub(s.board.Heard())
	r := readiness{Status: "ready", Heard: max(0, age.Milliseconds()), Checks: map[string]string{"notices": "ok", "key_ring": "ok", "statements": "ok"}}
	status := http.StatusOK
	if age > late {
		r.Checks["notices"] = fmt.Sprintf("the database has not answered for %d seconds; after %d this server refuses sessions",
			int64(age/time.Second), int64(deafFor/time.Second))
	}
	if s.ring.Err() != nil {
		r.Checks["key_ring"] = "the keys cannot be read again; the log says why. Those that are here go on"
	}
	if s.wall.Fresh(c.Now) != nil {
		r.Checks["statements"] = "permission statements have not been read for too long; the log says why"
	}
	switch {
	case s.fresh(c.Now) != nil:
		r.Status, status = "deaf", http.StatusServiceUnavailable
	case s.ring.Ready(c.Now) != nil:
		r.Status, status = "keyless", http.StatusServiceUnavailable
		r.Checks["key_ring"] = "a key that other nodes use is not here; the log says why"
	case s.draining.Load():
		r.Status, status = "stopping", http.StatusServiceUnavailable
	}
	if status != http.StatusOK {
		c.Record.Outcome = signin.Overloaded.String()
	}
	body, err := json.Marshal(r)
	if err != nil {
		wire.WriteFault(w, c, err)
		return
	}
	wire.WriteJSON(w, c, status, body)
}

// health answers GET /healthz: 200 when every request can be served, also those that need the database.
func (s *Server) health(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = "Health"
	err := s.fresh(c.Now)
	if pingErr := s.store.Ping(c.Context()); err == nil && pingErr != nil {
		err = signin.RefuseBecause(pingErr, signin.Overloaded, "the database does not answer")
	}
	// One that was moved away answers, and takes nothing.
	if err == nil && c.Now.Sub(s.board.Heard()) > late {
		err = signin.Refuse(signin.Overloaded, "the database has told no notices for some seconds; the log says why")
	}
	if err != nil {
		wire.WriteFault(w, c, err)
		return
	}
	c.Record.Outcome = "ok"
	wire.WriteJSON(w, c, http.StatusOK, []byte(`{"status":"ok"}`))
}

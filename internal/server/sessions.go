package server

import (
	"github.com/latchkey-id/latchkey/internal/introspect"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/signed"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// addSessionOperations adds what tokens are asked about. They share the limits of the token endpoint: a place is a place,
// whatever is asked.
func (s *Server) addSessionOperations(region string, l signin.Lifetimes, door *signed.Door, judge *permit.Judge) {
	questions := &introspect.Endpoint{
		Issuer: s.base, Region: region, Lifetimes: l, Door: door, Judge: judge, Keys: s.ring, Board: s.board, Grants: s.store,
	}
	s.routes.add("POST "+wire.IntrospectPath, operations{queryIAM: s.whenReady(questions.ServeCall)}.serve)
}

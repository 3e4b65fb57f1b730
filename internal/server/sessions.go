package server

import (
	"github.com/latchkey-id/latchkey/internal/dpop"
	"github.com/latchkey-id/latchkey/internal/introspect"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/revoke"
	"github.com/latchkey-id/latchkey/internal/signed"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// addSessionOperations adds what tokens are asked about and ended by. They share the limits of the token endpoint: a place is a
// place, whatever is asked.
func (s *Server) addSessionOperations(region string, l signin.Lifetimes, door *signed.Door, judge *permit.Judge, proofs *dpop.Verifier, answered *dpop.Memory) {
	questions := &introspect.Endpoint{
		Issuer: s.base, Region: region, Lifetimes: l, Door: door, Judge: judge, Keys: s.ring, Board: s.board, Grants: s.store,
	}
	ends := &revoke.Endpoint{
		Lifetimes: l, Door: door, Judge: judge, Keys: s.ring, Board: s.board, Proofs: proofs, Answered: answered, Trail: s.trail,
	}
	s.routes.add("POST "+wire.IntrospectPath, operations{queryIAM: s.whenReady(questions.ServeCall)}.serve)
	s.routes.add("POST "+wire.RevokePath, operations{"": s.whenReady(ends.ServeHolder), queryIAM: s.whenReady(ends.ServeIAM)}.serve)
	s.routes.crossOrigin(wire.RevokePath)
}

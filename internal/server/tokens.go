package server

import (
	"github.com/latchkey-id/latchkey/internal/clientcredentials"
	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/exchange"
	"github.com/latchkey-id/latchkey/internal/fetch"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/signed"
	"github.com/latchkey-id/latchkey/internal/token"
	"github.com/latchkey-id/latchkey/internal/trust"
)

// tokenOperations are the four operations of POST /v1/token. They share limits: a place is a place, whatever is asked.
func (s *Server) tokenOperations(cfg config.Config, tokens *token.Endpoint, door *signed.Door, judge *permit.Judge) operations {
	credentials := &clientcredentials.Endpoint{
		Issuer: s.base, Region: cfg.Region, Door: door, Ring: s.ring, Resources: s.store, Judge: judge,
		ByCaller: limit.New(cfg.Limits.Client.Rule(cfg.Limits.Wait), "client"),
	}
	exchanges := &exchange.Endpoint{
		Issuer: s.base, Region: cfg.Region, Ring: s.ring, Directory: s.store, Resources: s.store, Policies: s.store, Judge: judge, Wall: s.wall,
		// An administrator named each issuer that is asked; whether it may be on a private network, too.
		Keys:      trust.NewKeys(fetch.New(fetch.Options{}), fetch.New(fetch.Options{AllowPrivate: true, AllowLoopbackHTTP: true})),
		ByAddress: tokens.ByAddress, Gate: tokens.Gate, LongBodies: tokens.LongBodies,
	}
	return operations{
		"":            s.whenReady(tokens.ServeCall),
		queryIAM:      s.whenReady(credentials.ServeIAM),
		queryBearer:   s.whenReady(credentials.ServeBearer),
		queryExchange: s.whenReady(exchanges.ServeCall),
	}
}

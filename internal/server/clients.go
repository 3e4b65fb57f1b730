package server

import (
	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/fetch"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/register"
)

// openClients returns what finds clients by their ids, and adds the door where they register themselves.
func (s *Server) openClients(cfg config.Config) (*clients.Finder, error) {
	r := cfg.Registration
	redirects, err := r.Redirects()
	if err != nil {
		return nil, err
	}
	finder := &clients.Finder{Directory: s.store, Redirects: redirects}
	if r.MetadataDocuments {
		finder.Documents = clients.NewDocuments(fetch.New(fetch.Options{}).Get)
	}
	if r.Enabled {
		finder.Grants = s.store
		door := &register.Endpoint{
			Region: cfg.Region, Lifetime: r.Lifetime, Redirects: redirects, Grants: s.store,
			Most: r.Most, Trail: s.trail,
			ByAddress: limit.New(r.Address.Rule(cfg.Limits.Wait), "address"), BySite: limit.New(r.Site().Rule(cfg.Limits.Wait), "network"),
			LongBodies: limit.NewGate(longBodies, longBodies, gateWait, busy),
		}
		s.routes.add("POST "+register.Path, door.ServeCall)
		s.routes.crossOrigin(register.Path)
	}
	return finder, nil
}

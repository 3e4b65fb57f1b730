package config

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// maxRedirects is how many patterns the list of redirect URIs may have.
const maxRedirects = 1000

// Redirects returns where clients that register themselves may be sent.
func (r Registration) Redirects() (signin.RedirectList, error) {
	patterns := r.RedirectURIs
	if patterns == nil { // an empty list is one: loopback alone
		patterns = signin.DefaultRedirects()
	}
	return signin.ParseRedirectList(patterns)
}

// siteAddresses is how many addresses that register as fast as they may a network is good for.
const siteAddresses = 10

// Site returns how fast one network may register clients, as of limit.Site.
func (r Registration) Site() Rate {
	return Rate{PerSecond: r.Address.PerSecond * siteAddresses, Burst: max(1, r.Address.Burst) * siteAddresses}
}

func (r Registration) check() error {
	switch {
	case r.Lifetime < time.Hour || r.Lifetime > 365*24*time.Hour || r.Lifetime%time.Second != 0:
		return errors.New("registration.lifetime must be whole seconds from 1h to 8760h")
	case math.IsNaN(r.Address.PerSecond) || r.Address.PerSecond < 0 || r.Address.Burst < 0:
		return errors.New("registration.address must have a rate that is not negative; 0 is no limit")
	case r.Most < 1:
		return errors.New("registration.most must be at least 1; to let no client register itself, set registration.enabled to false")
	case len(r.RedirectURIs) > maxRedirects:
		return fmt.Errorf("registration.redirect_uris has %d patterns, at most %d", len(r.RedirectURIs), maxRedirects)
	}
	for i, pattern := range r.RedirectURIs {
		if _, err := signin.ParseRedirectList([]string{pattern}); err != nil {
			return fmt.Errorf("registration.redirect_uris[%d]: %w", i, plain(err))
		}
	}
	return nil
}

// plain returns what a fault says, without its kind.
func plain(err error) error {
	if f, ok := errors.AsType[*signin.Fault](err); ok {
		return errors.New(f.Message)
	}
	return err
}

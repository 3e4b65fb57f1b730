package authorize

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/identity"
	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Deps is what the pages need. All of it is used as it is when New is called.
type Deps struct {
	// Base are the public base URLs, scheme and host without a path. The first is the issuer.
	Base []string
	// Region is the one that resources of policies name.
	Region    string
	Lifetimes signin.Lifetimes

	// Development makes every page say that the server is for development.
	Development bool
	// AutoApprove is the name of the person who is signed in without pages, for their first role; empty for none. It needs
	// Development.
	AutoApprove string

	Clients   *clients.Finder
	Directory store.Directory
	Resources store.Resources
	Judge     *permit.Judge
	Audit     store.Audit
	Board     *notice.Board
	Wall      *perimeter.Wall
	Keys      seal.Keys
}

// Pages serves the browser's half.
type Pages struct {
	Deps
	passwords *identity.Authenticator
	browsers  *identity.Browsers
	origins   *http.CrossOriginProtection
	templates templates
	assets    assets
}

// The paths of the pages. Those below /v1/ are of the protocol.
const (
	authorizePath = "/v1/authorize"
	sessionsPath  = "/v1/sessions" // some clients begin here
	signInPath    = "/sign-in"
	consentPath   = "/consent"
	signOutPath   = "/sign-out"
	assetPath     = "/assets/"
)

// New returns the pages of d.
func New(d Deps) (*Pages, error) {
	if len(d.Base) == 0 {
		return nil, errors.New("pages need a base URL")
	}
	if d.AutoApprove != "" && !d.Development {
		return nil, errors.New("signing in without pages is for development only")
	}
	p := &Pages{
		Deps:      d,
		passwords: identity.NewAuthenticator(d.Directory),
		browsers: &identity.Browsers{
			Keys: d.Keys, Board: d.Board, People: d.Directory, Base: d.Base, Lifetime: d.Lifetimes.Browser,
		},
		origins: http.NewCrossOriginProtection(),
	}
	for _, base := range d.Base {
		// For browsers that say Origin and not Sec-Fetch-Site, behind a proxy that changes Host.
		if err := p.origins.AddTrustedOrigin(base); err != nil {
			return nil, fmt.Errorf("base URL: %w", err)
		}
	}
	var err error
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	p.templates, err = loadTemplates()
	return p, err
}

// Routes returns the handlers by pattern of http.ServeMux. Every pattern is of one path.
func (p *Pages) Routes() map[string]wire.Handler {
	routes := map[string]wire.Handler{
		"GET " + authorizePath:           p.authorize,
		"GET " + sessionsPath:            p.authorize,
		"POST " + signInPath:             p.signIn,
		"POST " + consentPath:            p.consent,
		"POST " + signOutPath:            p.signOut,
		"GET " + signin.ConfirmationPath: p.confirmation,
		"GET /{$}":                       p.home,
	}
	for path, a := range p.assets.byPath {
		routes["GET "+path] = a.serve
	}
	return routes
}

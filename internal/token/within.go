package token

import (
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// within returns nil while the permission statements of p's account let p act from where c comes from. It is asked at every
// request, because who signed in inside may take the session elsewhere.
func (e *Endpoint) within(c *wire.Call, p signin.Principal) error {
	return e.Wall.Check(perimeter.After, p.Account, p.RoleARN(), c.Network, c.Now)
}

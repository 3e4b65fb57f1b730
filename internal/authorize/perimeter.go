package authorize

import (
	"fmt"

	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// inside returns the choices in whose accounts the permission statements let a person act from where c comes from, and, when
// there were choices and none is left, why.
func (p *Pages) inside(c *wire.Call, choices []choice) (open []choice, keptOut error) {
	for _, ch := range choices {
		err := p.Wall.Check(perimeter.After, ch.Role.Account, ch.roleARN(), c.Network, c.Now)
		if err == nil {
			open = append(open, ch)
		} else if keptOut == nil {
			keptOut = err
		}
	}
	if len(open) > 0 {
		return open, nil
	}
	return nil, keptOut
}

// mayAuthenticate returns nil unless the statements of the accounts keep the person of that id out as every role that they
// have: then a sign-in from here is good for nothing. It is asked once the password was right, because the answer tells
// where a person has roles.
func (p *Pages) mayAuthenticate(c *wire.Call, personID string) error {
	assignments, err := p.Directory.AssignmentsOf(c.Context(), personID)
	if err != nil {
		return fmt.Errorf("find roles of person: %w", err)
	}
	var keptOut error
	for _, a := range assignments {
		err := p.Wall.Check(perimeter.Before, a.Role.Account, choice{a}.roleARN(), c.Network, c.Now)
		if err == nil {
			return nil
		}
		if keptOut == nil {
			keptOut = err
		}
	}
	return keptOut
}

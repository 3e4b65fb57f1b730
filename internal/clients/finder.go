package clients

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Finder finds clients by their id.
type Finder struct {
	Directory store.Directory
	// Grants has the clients that registered themselves; nil: none may.
	Grants store.Grants
	// Redirects is where clients may be sent that registered or describe themselves. It is asked at every use, so that what
	// an operator takes out of it is closed at once.
	Redirects signin.RedirectList
	// Documents has the clients that describe themselves; nil: none may.
	Documents *Documents
}

// Find returns the client of that id at now. A ClientUnknown fault: there is none, or its registration has ended. from is the
// address of who asks, for what must not be done for one too often.
func (f *Finder) Find(ctx context.Context, id string, from netip.Addr, now time.Time) (signin.Client, error) {
	if client, ok := signin.DevtoolsClient(id); ok {
		return client, nil
	}
	switch {
	case signin.IsRegisteredID(id):
		return f.registered(ctx, id, now)
	case signin.IsMetadataID(id):
		return f.described(ctx, id, from, now)
	case !signin.ValidClientID(id):
		return signin.Client{}, unknown()
	}
	client, err := f.Directory.ClientByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return signin.Client{}, unknown()
	}
	if err != nil {
		return signin.Client{}, fmt.Errorf("find client: %w", err)
	}
	return client, nil
}

func unknown() error {
	return signin.Refuse(signin.ClientUnknown, "this client id is not known here: use %s, %s, or a registered client", signin.SameDevice, signin.CrossDevice)
}

// registered returns a client that registered itself.
func (f *Finder) registered(ctx context.Context, id string, now time.Time) (signin.Client, error) {
	gone := signin.Refuse(signin.ClientUnknown, "this client is not registered here, or its registration has ended: register it again")
	key, ok := signin.ParseDynamicClientID(id)
	if !ok || f.Grants == nil {
		return signin.Client{}, gone
	}
	row, err := f.Grants.DynamicClientByID(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return signin.Client{}, gone
	case err != nil:
		return signin.Client{}, fmt.Errorf("find registered client: %w", err)
	case !row.Expires.After(now): // the store sweeps a little later
		return signin.Client{}, gone
	}
	m, err := Registered(row)
	if err != nil {
		return signin.Client{}, err
	}
	if m.ClientID != id { // the same UUID under another region is another ARN to policies
		return signin.Client{}, gone
	}
	return m.client(f.Redirects, row.Expires), nil
}

// described returns a client that describes itself.
func (f *Finder) described(ctx context.Context, id string, from netip.Addr, now time.Time) (signin.Client, error) {
	if f.Documents == nil {
		return signin.Client{}, signin.Refuse(signin.ClientUnknown, "client id metadata documents are not read here: register the client")
	}
	m, err := f.Documents.find(ctx, id, from, now)
	if err != nil {
		return signin.Client{}, err
	}
	return m.client(f.Redirects, time.Time{}), nil
}

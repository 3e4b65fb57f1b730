package identity

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/notice"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// Browsers knows browsers by their cookies. It keeps nothing: what a cookie says is sealed in it, and holds until it
// expires or a notice says otherwise.
type Browsers struct {
	Keys   seal.Keys
	Board  *notice.Board
	People store.Directory
	// Base are the public base URLs of the server. Under one that is https, cookies are Secure and named __Host-….
	Base []string
	// Lifetime is how long a browser stays signed in.
	Lifetime time.Duration
}

// The cookies. Both are sent on navigation from another site (SameSite=Lax), because a sign-in begins with a link, and
// to no script.
const (
	browserCookie = "latchkey"
	deviceCookie  = "latchkey-device"
	hostPrefix    = "__Host-"
)

// SignIn makes the browser that asks r one where person authenticated at now by methods, and a known device of person.
// asOf is what Board.CatchUp returned before the person was looked up.
func (b *Browsers) SignIn(w http.ResponseWriter, r *http.Request, person store.Person, methods string, asOf int64, now time.Time) {
	in := seal.Browser{
		PersonID: person.ID, Person: person.Name, Methods: methods,
		AuthTime: now.Truncate(time.Millisecond), AsOf: asOf, Expires: now.Add(b.Lifetime).Truncate(time.Second),
	}
	rand.Read(in.ID[:])
	key := b.Keys.SealingKey(now)
	b.set(w, r, browserCookie, seal.SealBrowser(key, in), b.Lifetime)

	device := b.Device(r, now)
	if device.PersonID != person.ID {
		device = seal.Device{PersonID: person.ID}
		rand.Read(device.ID[:])
	}
	device.Issued = now.Truncate(time.Second)
	b.set(w, r, deviceCookie, seal.SealDevice(key, device), deviceLifetime)
}

// Who returns who is signed in at the browser that asks r, and whether anybody is. Call Board.CatchUp before, so that
// what was changed a moment ago counts. An Overloaded fault: this node has not heard of what no longer holds for too
// long. Other errors are of the store.
func (b *Browsers) Who(ctx context.Context, r *http.Request, now time.Time) (seal.Browser, bool, error) {
	in, ok := b.open(r)
	if !ok || !now.Before(in.Expires) {
		return seal.Browser{}, false, nil
	}
	if err := b.Board.Fresh(now); err != nil {
		return seal.Browser{}, false, err
	}
	if b.over(in) {
		return seal.Browser{}, false, nil
	}
	person, err := b.People.PersonByID(ctx, in.PersonID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return seal.Browser{}, false, nil
	case err != nil:
		return seal.Browser{}, false, fmt.Errorf("find person of browser: %w", err)
	case person.Disabled:
		return seal.Browser{}, false, nil
	}
	return in, true, nil
}

// SignOut takes the cookie from the browser that asks r and gives notice, so that a copy of the cookie is of no use
// either. The device stays known. On an error the browser has lost its cookie, but a copy would still be good.
func (b *Browsers) SignOut(ctx context.Context, w http.ResponseWriter, r *http.Request, now time.Time) error {
	b.set(w, r, browserCookie, "", -time.Second)
	in, ok := b.open(r)
	if !ok || !now.Before(in.Expires) {
		return nil
	}
	// Once is enough: whoever sends a cookie a thousand times must not give a thousand notices.
	if b.over(in) {
		return nil
	}
	err := b.Board.Announce(ctx, signin.Notice{
		Reason: signin.SignedOutBrowser, Subject: hex.EncodeToString(in.ID[:]),
		At: now, Expires: in.Expires,
	})
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// over tells whether a notice ended what in says.
func (b *Browsers) over(in seal.Browser) bool {
	return b.Board.Named(signin.SignedOutBrowser, hex.EncodeToString(in.ID[:])) ||
		b.Board.Ended(signin.ChangedCredentials, in.PersonID, in.AsOf, in.AuthTime) ||
		b.Board.Ended(signin.DisabledPerson, in.PersonID, in.AsOf, in.AuthTime)
}

func (b *Browsers) open(r *http.Request) (seal.Browser, bool) {
	cookie, err := r.Cookie(b.name(r, browserCookie))
	if err != nil {
		return seal.Browser{}, false
	}
	in, err := seal.OpenBrowser(b.Keys, cookie.Value)
	return in, err == nil
}

// set gives the browser a cookie for lifetime, or takes it away when lifetime is negative.
func (b *Browsers) set(w http.ResponseWriter, r *http.Request, name, value string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: b.name(r, name), Value: value, Path: "/", MaxAge: int(lifetime / time.Second),
		Secure: b.secure(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (b *Browsers) name(r *http.Request, name string) string {
	if b.secure(r) {
		return hostPrefix + name
	}
	return name
}

// secure tells whether r came under a base URL that is https. The base URLs decide, not the connection, which a proxy may
// have ended. A host that is none of them is taken to be the first.
func (b *Browsers) secure(r *http.Request) bool {
	scheme := ""
	for i, base := range b.Base {
		u, err := url.Parse(base)
		if err != nil {
			continue
		}
		if i == 0 || strings.EqualFold(u.Host, r.Host) {
			scheme = u.Scheme
		}
	}
	return scheme == "https"
}

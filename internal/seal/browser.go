package seal

import (
	"encoding/base64"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Browser is what the cookie of a signed-in browser says.
type Browser struct {
	ID       [16]byte // random; signing out gives notice of it
	PersonID string
	Person   string
	AuthTime time.Time // when the person authenticated, to the millisecond
	AsOf     int64     // Seq of the newest notice that was heard before that; later ones may end it
	Expires  time.Time // to the second
	Methods  string    // RFC 8176, space-separated
}

// SealBrowser returns the cookie value of b.
func SealBrowser(k *Key, b Browser) string {
	w := newWriter(nil)
	w.raw(b.ID[:])
	w.text(b.PersonID)
	w.text(b.Person)
	w.millis(b.AuthTime)
	w.number(b.AsOf)
	w.seconds(b.Expires)
	w.text(b.Methods)
	return base64.RawURLEncoding.EncodeToString(k.appendSeal(nil, kindBrowser, w.b))
}

// OpenBrowser returns what SealBrowser sealed, or ErrNotOurs. It does not look at the time.
func OpenBrowser(keys Keys, text string) (Browser, error) {
	facts, _, err := openText(keys, kindBrowser, text, 1024)
	if err != nil {
		return Browser{}, err
	}
	var b Browser
	r := newReader(facts)
	r.raw(b.ID[:])
	b.PersonID = r.text()
	b.Person = r.text()
	b.AuthTime = r.millis()
	b.AsOf = r.number()
	b.Expires = r.seconds()
	b.Methods = r.text()
	if err := r.done(); err != nil {
		return Browser{}, err
	}
	return b, nil
}

// Page is what the hidden field of a page says: a checked request on its way through the pages, and the session that
// approving it will name, so that approving twice still gives one session.
type Page struct {
	Request signin.Request
	Session signin.SessionID
	Salt    [16]byte
	Issued  time.Time // to the second
}

// SealPage returns the hidden field of p.
func SealPage(k *Key, p Page) string {
	w := newWriter(nil)
	w.text(p.Request.ClientID)
	w.text(p.Request.RedirectURI)
	w.raw(p.Request.Challenge[:])
	w.text(p.Request.State)
	w.text(p.Request.Resource)
	if p.Request.Resource != "" { // of a dynamic client
		w.number(int64(p.Request.Scope))
	}
	w.raw(p.Session[:])
	w.raw(p.Salt[:])
	w.seconds(p.Issued)
	return base64.RawURLEncoding.EncodeToString(k.appendSeal(nil, kindPage, w.b))
}

// OpenPage returns what SealPage sealed, or ErrNotOurs. It does not look at the time.
func OpenPage(keys Keys, text string) (Page, error) {
	facts, _, err := openText(keys, kindPage, text, 8192)
	if err != nil {
		return Page{}, err
	}
	var p Page
	r := newReader(facts)
	p.Request.ClientID = r.text()
	p.Request.RedirectURI = r.text()
	r.raw(p.Request.Challenge[:])
	p.Request.State = r.text()
	p.Request.Resource = r.text()
	if p.Request.Resource != "" {
		p.Request.Scope = readScope(&r)
	}
	r.raw(p.Session[:])
	r.raw(p.Salt[:])
	p.Issued = r.seconds()
	if err := r.done(); err != nil {
		return Page{}, err
	}
	return p, nil
}

// Device is what the cookie of a browser says that a person has signed in at before. It authenticates nobody; it only
// tells a known browser from an unknown one when passwords are tried.
type Device struct {
	ID       [16]byte // random
	PersonID string
	Issued   time.Time // to the second
}

// SealDevice returns the cookie value of d.
func SealDevice(k *Key, d Device) string {
	w := newWriter(nil)
	w.raw(d.ID[:])
	w.text(d.PersonID)
	w.seconds(d.Issued)
	return base64.RawURLEncoding.EncodeToString(k.appendSeal(nil, kindDevice, w.b))
}

// OpenDevice returns what SealDevice sealed, or ErrNotOurs. It does not look at the time.
func OpenDevice(keys Keys, text string) (Device, error) {
	facts, _, err := openText(keys, kindDevice, text, 512)
	if err != nil {
		return Device{}, err
	}
	var d Device
	r := newReader(facts)
	r.raw(d.ID[:])
	d.PersonID = r.text()
	d.Issued = r.seconds()
	if err := r.done(); err != nil {
		return Device{}, err
	}
	return d, nil
}

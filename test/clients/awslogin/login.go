package awslogin

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// The client ids of `aws login` and `aws login --remote`.
const (
	SameDevice  = "arn:aws:signin:::devtools/same-device"
	CrossDevice = "arn:aws:signin:::devtools/cross-device"
)

// Options say how to log in. The zero value is what `aws login` does with a fresh key.
type Options struct {
	// Remote is `aws login --remote`: the code comes over a page that a person copies it from.
	Remote bool
	// Key is the proof key; nil makes a fresh one.
	Key *ecdsa.PrivateKey
	// ShortCoordinates sends the key's coordinates without their leading zero bytes, as the CLI on Linux does at login.
	ShortCoordinates bool
}

// Grant is an authorization code and what it takes to redeem it. Nothing stops a caller from redeeming it twice.
type Grant struct {
	ClientID, RedirectURI, Code, Verifier string

	base  string
	key   proofKey
	proof string // of the last Redeem
}

// Login does all of `aws login` against the server at base, which must approve without pages.
func Login(ctx context.Context, base string, o Options) (*Session, error) {
	g, err := Authorize(ctx, base, o)
	if err != nil {
		return nil, err
	}
	return g.Redeem(ctx)
}

// Authorize does the part of `aws login` up to the code.
func Authorize(ctx context.Context, base string, o Options) (*Grant, error) {
	key, err := newProofKey(o.Key, o.ShortCoordinates)
	if err != nil {
		return nil, err
	}
	g := &Grant{base: base, key: key, Verifier: newVerifier()}
	if o.Remote {
		err = g.authorizeRemote(ctx)
	} else {
		err = g.authorizeHere(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("authorize: %w", err)
	}
	return g, nil
}

// authorizeHere receives the code on a port of its own, as the CLI does on the device of the browser.
func (g *Grant) authorizeHere(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	callbacks := make(chan url.Values, 1)
	callback := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/oauth/callback" {
			http.NotFound(w, r)
			return
		}
		select {
		case callbacks <- r.URL.Query():
		default:
		}
	})}
	go callback.Serve(listener)
	defer callback.Close()

	g.ClientID = SameDevice
	g.RedirectURI = "http://" + listener.Addr().String() + "/oauth/callback"
	state := newUUID()
	page, err := browse(ctx, g.authorizeURL(state))
	if err != nil {
		return err
	}
	select {
	case query := <-callbacks:
		return g.accept(query, state)
	default:
		return fmt.Errorf("the browser came to no callback, but to a page: %.300q", page)
	}
}

// authorizeRemote copies the code from the server's confirmation page.
func (g *Grant) authorizeRemote(ctx context.Context) error {
	g.ClientID = CrossDevice
	g.RedirectURI = g.base + "/v1/sessions/confirmation"
	state := newUUID()
	page, err := browse(ctx, g.authorizeURL(state))
	if err != nil {
		return err
	}
	query, err := VerificationCode(page)
	if err != nil {
		return err
	}
	return g.accept(query, state)
}

func (g *Grant) accept(query url.Values, state string) error {
	if e := query.Get("error"); e != "" {
		return fmt.Errorf("refused: %s: %s", e, query.Get("error_description"))
	}
	if query.Get("state") != state {
		return errors.New("the state that came back is not the one that was sent")
	}
	if g.Code = query.Get("code"); g.Code == "" {
		return errors.New("no code came back")
	}
	return nil
}

func (g *Grant) authorizeURL(state string) string {
	challenge := sha256.Sum256([]byte(g.Verifier))
	return g.base + "/v1/authorize?response_type=code" +
		"&client_id=" + url.QueryEscape(g.ClientID) +
		"&state=" + state +
		"&code_challenge_method=SHA-256" +
		"&scope=openid" +
		"&redirect_uri=" + url.QueryEscape(g.RedirectURI) +
		"&code_challenge=" + base64.RawURLEncoding.EncodeToString(challenge[:])
}

// newVerifier returns 64 random characters of the unreserved set, the form that the CLI sends.
func newVerifier() string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var verifier strings.Builder
	for verifier.Len() < 64 {
		var b [1]byte
		rand.Read(b[:])
		// The bytes past the last whole multiple of the alphabet would favour its beginning.
		if int(b[0]) < 256/len(unreserved)*len(unreserved) {
			verifier.WriteByte(unreserved[int(b[0])%len(unreserved)])
		}
	}
	return verifier.String()
}

// newUUID returns a random UUID (RFC 9562 section 5.4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

package authorize

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Limits of GET /v1/authorize.
const (
	maxQuery = 8 << 10 // characters, all parameters together
	maxState = 128     // characters (AuthorizeOAuth2Access, state)
	// maxDynamicState is the same of a dynamic client. Visual Studio Code keeps the address that it is called back at, with
	// all its parameters, in the state.
	maxDynamicState = 1024
)

// The error codes that a client is sent back with (RFC 6749 section 4.1.2.1).
const (
	invalidRequest          = "invalid_request"
	invalidScope            = "invalid_scope"
	invalidTarget           = "invalid_target" // RFC 8707 section 2
	unsupportedResponseType = "unsupported_response_type"
	accessDenied            = "access_denied"

	// OpenID Connect Core section 3.1.2.6.
	interactionRequired    = "interaction_required"
	requestNotSupported    = "request_not_supported"
	requestURINotSupported = "request_uri_not_supported"
)

// asked is GET /v1/authorize after the check: who asks, and where the answer goes.
type asked struct {
	client  signin.Client
	request signin.Request
	// within is how long ago the person may have signed in; negative: it does not matter.
	within time.Duration
}

// refusal is a fault that the client is told of, at the redirect URI of the request, because that was checked before.
type refusal struct {
	code  string // RFC 6749 section 4.1.2.1
	fault error
}

// parse checks the query of GET /v1/authorize that came from there. An error means that the client or the redirect URI is not known to be
// good, so a page must tell it. A refusal is for the client; then client, redirect URI and state of the result are good.
// Otherwise all of the result is.
func (p *Pages) parse(ctx context.Context, query string, from netip.Addr, now time.Time) (asked, *refusal, error) {
	if len(query) > maxQuery {
		return asked{}, nil, signin.Refuse(signin.ParameterInvalid, "The query is longer than %d characters.", maxQuery)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return asked{}, nil, signin.Refuse(signin.ParameterInvalid, "The query is not well-formed: percent-encode every parameter, and separate them by &.")
	}
	client, err := p.client(ctx, values, from, now)
	if err != nil {
		return asked{}, nil, err
	}
	redirect, err := p.redirect(client, values)
	if err != nil {
		return asked{client: client}, nil, err
	}
	a := asked{client: client, request: signin.Request{ClientID: client.ID, RedirectURI: redirect}}
	if refused := a.parseRest(values); refused != nil {
		return a, refused, nil
	}
	refused, err := p.checkTarget(ctx, a)
	return a, refused, err
}

// parseRest checks what is told to the client when it is wrong. The state comes first, so that the client gets it back
// with whatever else is wrong.
func (a *asked) parseRest(values url.Values) *refusal {
	state, err := one(values, "state")
	if err != nil {
		return &refusal{invalidRequest, err}
	}
	limit := maxState
	if a.dynamic() {
		limit = maxDynamicState
	}
	if !printable(state, limit) {
		return &refusal{invalidRequest, signin.Refuse(signin.ParameterInvalid, "state must be 1 to %d printable ASCII characters", limit)}
	}
	a.request.State = state

	if a.dynamic() && len(values["resource"]) > 1 { // RFC 8707 section 2 lets a server say so
		return &refusal{invalidTarget, signin.Refuse(signin.TargetInvalid, "resource is there more than once: tokens of this server are for one resource")}
	}
	for name := range values { // also those that are not looked at below (RFC 6749 section 3.1)
		if _, err := one(values, name); err != nil {
			return &refusal{invalidRequest, err}
		}
	}
	switch values.Get("response_type") {
	case "code":
	case "":
		return &refusal{invalidRequest, signin.Refuse(signin.ParameterMissing, "response_type is missing; it must be code")}
	default:
		return &refusal{unsupportedResponseType, signin.Refuse(signin.ParameterInvalid, "response_type must be code")}
	}
	if err := a.parseChallenge(values); err != nil {
		return &refusal{invalidRequest, err}
	}
	if a.dynamic() {
		if refused := a.parseTarget(values); refused != nil {
			return refused
		}
		return a.parseOpenID(values)
	}
	if scope := values.Get("scope"); scope != "" && scope != "openid" {
		return &refusal{invalidScope, signin.Refuse(signin.ParameterInvalid, "scope must be openid, or be left out")}
	}
	// Credentials of this service are not for one resource, so a client that asks for such must not get others.
	if values.Get("resource") != "" {
		return &refusal{invalidTarget, signin.Refuse(signin.ParameterInvalid, "resource must be left out: credentials of this server are not limited to one resource")}
	}
	return a.parseOpenID(values)
}

// parseChallenge reads the PKCE challenge. Its method has two names; AWS's documents have SHA-256, which its own tools send,
// and OAuth clients know S256 only (RFC 7636 section 4.3).
func (a *asked) parseChallenge(values url.Values) (err error) {
	methods, names := []string{"SHA-256", "S256"}, "SHA-256 or S256"
	if a.dynamic() {
		methods, names = methods[1:], "S256"
	}
	switch method := values.Get("code_challenge_method"); {
	case method == "":
		return signin.Refuse(signin.ParameterMissing, "code_challenge_method is missing; it must be %s", names)
	case !slices.Contains(methods, method):
		return signin.Refuse(signin.ParameterInvalid, "code_challenge_method must be %s", names)
	}
	a.request.Challenge, err = signin.ParseChallenge(values.Get("code_challenge"))
	return err
}

// parseOpenID checks the parameters of OpenID Connect Core section 3.1.2.1 that would change what the answer means, so
// that none of them is passed over in silence.
func (a *asked) parseOpenID(values url.Values) *refusal {
	switch {
	case values.Get("request") != "":
		return &refusal{requestNotSupported, signin.Refuse(signin.ParameterInvalid, "request objects are not read: send the parameters themselves")}
	case values.Get("request_uri") != "":
		return &refusal{requestURINotSupported, signin.Refuse(signin.ParameterInvalid, "request objects are not fetched: send the parameters themselves")}
	case values.Get("nonce") != "":
		return &refusal{invalidRequest, signin.Refuse(signin.ParameterInvalid, "nonce must be left out: id tokens of this server carry none. PKCE binds the code to this request")}
	}
	a.within = -1
	if text := values.Get("max_age"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return &refusal{invalidRequest, signin.Refuse(signin.ParameterInvalid, "max_age must be a whole number of seconds")}
		}
		a.within = time.Duration(seconds) * time.Second
	}
	for _, prompt := range strings.Fields(values.Get("prompt")) {
		switch prompt {
		case "none":
			return &refusal{interactionRequired, signin.Refuse(signin.ConsentRefused, "prompt=none cannot be met: consent is always asked for")}
		case "login":
			a.within = 0
		case "consent", "select_account": // is always so
		default:
			return &refusal{invalidRequest, signin.Refuse(signin.ParameterInvalid, "prompt must be of none, login, consent and select_account")}
		}
	}
	return nil
}

// stale tells whether somebody who signed in at authTime is asked for the password again.
func (a *asked) stale(authTime, now time.Time) bool {
	return a.within >= 0 && now.Sub(authTime) >= a.within
}

// client finds the client that values name, at now, for somebody at from.
func (p *Pages) client(ctx context.Context, values url.Values, from netip.Addr, now time.Time) (signin.Client, error) {
	id, err := one(values, "client_id")
	if err != nil {
		return signin.Client{}, err
	}
	if id == "" {
		return signin.Client{}, signin.Refuse(signin.ParameterMissing, "client_id is missing")
	}
	return p.Clients.Find(ctx, id, from, now)
}

// one returns the value of a parameter, empty when it is absent (RFC 6749 section 3.1: a parameter without a value is
// treated as if it were left out, and none may be there twice).
func one(values url.Values, name string) (string, error) {
	switch v := values[name]; len(v) {
	case 0:
		return "", nil
	case 1:
		return v[0], nil
	}
	if slices.Contains(parameters, name) {
		return "", signin.Refuse(signin.ParameterInvalid, "%s is there more than once", name)
	}
	return "", signin.Refuse(signin.ParameterInvalid, "a parameter is there more than once")
}

// parameters are those that this endpoint knows, and that a message may name.
var parameters = []string{
	"response_type", "client_id", "redirect_uri", "code_challenge", "code_challenge_method", "scope", "state", "resource",
	"prompt", "max_age", "nonce", "request", "request_uri",
}

// printable tells whether s is at most limit printable ASCII characters.
func printable(s string, limit int) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= limit
}

// canonical returns the path and query of GET /v1/authorize that ask for r, in one spelling.
func canonical(r signin.Request) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {r.ClientID}, "redirect_uri": {r.RedirectURI},
		"code_challenge": {r.Challenge.String()}, "code_challenge_method": {"SHA-256"}, "scope": {"openid"},
	}
	if signin.IsDynamicID(r.ClientID) {
		q.Set("code_challenge_method", "S256")
		q.Set("resource", r.Resource)
		if q.Set("scope", r.Scope.String()); r.Scope == 0 {
			q.Del("scope")
		}
	}
	if r.State != "" {
		q.Set("state", r.State)
	}
	return authorizePath + "?" + q.Encode()
}

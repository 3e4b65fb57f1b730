package revoke_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// A tool ends its own session with the refresh token and a proof of its key, spelled in any of the three ways.
func TestToolEndsItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		elsewhere := world{w.Node(t), w.keys}
		for what, request := range map[string]func(token string) (contentType, body string){
			"JSON": func(token string) (string, string) { return jsonType, object(t, "token", token) },
			"JSON in camel case": func(token string) (string, string) {
				return jsonType, object(t, "token", token, "clientId", signin.SameDevice, "tokenTypeHint", "refresh_token")
			},
			"JSON in snake case": func(token string) (string, string) {
				return jsonType, object(t, "token", token, "client_id", signin.SameDevice, "token_type_hint", "refresh_token")
			},
			"a form": func(token string) (string, string) {
				return formType, form("token", token, "client_id", signin.SameDevice)
			},
		} {
			c := w.Client()
			login := c.Login(t)
			contentType, body := request(login.RefreshToken)
			before := w.notices(t)
			wantDone(t, what, w.Do(w.held(contentType, body, c.Key)))
			if w.active(t, login.RefreshToken) || w.works(login.Credentials()) {
				t.Errorf("%s: the session lives on", what)
			}
			c.Refresh(t, login.RefreshToken).WantFault(t, signin.SessionRevoked)
			time.Sleep(2 * time.Second)
			if elsewhere.works(login.Credentials()) {
				t.Errorf("%s: the credentials work at another node", what)
			}
			// Again, here and there: it is so, and nothing is written.
			for _, node := range []world{w, elsewhere} {
				wantDone(t, what+", again", node.Do(w.held(contentType, body, c.Key)))
			}
			if got := w.notices(t) - before; got != 1 {
				t.Errorf("%s: %d notices, want 1", what, got)
			}
		}
		if events := w.events(t, audit.SessionRevoked); len(events) != 4 || events[0].Principal != "arn:aws:sts::111122223333:assumed-role/Developer/alice" || !strings.Contains(events[0].Detail, "holder") {
			t.Errorf("the trail has %+v, want four events of the holder", events)
		}
	})
}

// Whoever found a refresh token ends nothing: it takes the key.
func TestHolderProvesTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c, d := w.Client(), w.Dynamic(t).Bound()
		login, granted := c.Login(t), d.Login(t)
		body := object(t, "token", login.RefreshToken)
		before := w.notices(t)
		with := func(proofs ...string) *http.Request {
			r := w.held(jsonType, body, nil)
			r.Header["Dpop"] = proofs
			return r
		}
		stale := testkit.Proof(c.Key, http.MethodPost, w.Base+plain, time.Now().Add(-6*time.Minute), rand.Text())
		for what, tt := range map[string]struct {
			r    *http.Request
			want signin.Kind
		}{
			"no proof":                     {with(), signin.ProofMissing},
			"two proofs":                   {with(w.proof(c.Key), w.proof(c.Key)), signin.ProofInvalid},
			"no JWT":                       {with("x"), signin.ProofInvalid},
			"a proof for the token path":   {with(c.Proof()), signin.ProofInvalid},
			"a proof of another key":       {with(w.proof(testkit.NewKey())), signin.ProofKeyMismatch},
			"a proof that is old":          {with(stale), signin.ProofStale},
			"another client":               {w.held(jsonType, object(t, "token", login.RefreshToken, "clientId", signin.CrossDevice), c.Key), signin.RefreshMismatch},
			"an agent without a proof":     {w.held(formType, form("token", granted.RefreshToken, "client_id", d.ID), nil), signin.ProofMissing},
			"an agent with another's key":  {w.held(formType, form("token", granted.RefreshToken, "client_id", d.ID), c.Key), signin.ProofKeyMismatch},
			"its access token, no proof":   {w.held(formType, form("token", granted.AccessToken, "client_id", d.ID), nil), signin.ProofMissing},
			"an agent that does not say":   {w.held(formType, form("token", granted.RefreshToken), d.Key), signin.ParameterMissing},
			"an agent that says otherwise": {w.held(formType, form("token", granted.RefreshToken, "client_id", signin.SameDevice), d.Key), signin.RefreshMismatch},
		} {
			w.WantRefused(t, what, tt.r, tt.want)
		}
		if !w.active(t, login.RefreshToken) || !w.active(t, granted.RefreshToken) || w.notices(t) != before {
			t.Fatal("what was refused ended a session")
		}
		if events := w.events(t, audit.ProofKeyRefused); len(events) != 2 {
			t.Errorf("the trail has %+v, want that two were brought with another key", events)
		}
		wantDone(t, "an agent's access token with its key", w.Do(w.held(formType, form("token", granted.AccessToken, "client_id", d.ID), d.Key)))
		if w.active(t, granted.RefreshToken) {
			t.Error("the agent's session lives on")
		}

		// A lost answer is asked for with the same proof again. The same proof with something else was captured.
		proof := w.proof(c.Key)
		wantDone(t, "the tool", w.Do(with(proof)))
		wantDone(t, "the tool, again", w.Do(with(proof)))
		second := c.Login(t)
		body = object(t, "token", second.RefreshToken)
		w.WantRefused(t, "a captured proof with another token", with(proof), signin.ProofReplayed)
		if !w.active(t, second.RefreshToken) {
			t.Error("a captured proof ended another session")
		}
	})
}

// Clients that registered themselves revoke as RFC 7009 has it, and read errors in the plain shape of OAuth.
func TestAgentEndsItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d := w.Dynamic(t)
		post := func(fields ...string) *httptest.ResponseRecorder { return w.Do(w.held(formType, form(fields...), nil)) }
		for _, hint := range []string{"", "refresh_token", "access_token", "pct"} {
			for kind, of := range map[string]func(testkit.Granted) string{
				"refresh": func(g testkit.Granted) string { return g.RefreshToken }, "access": func(g testkit.Granted) string { return g.AccessToken },
			} {
				granted := d.Login(t)
				wantDone(t, kind, post("token", of(granted), "client_id", d.ID, "token_type_hint", hint))
				if w.active(t, granted.AccessToken) || w.active(t, granted.RefreshToken) {
					t.Errorf("the %s token with hint %q ended nothing", kind, hint)
				}
				d.Refresh(t, granted.RefreshToken).WantFault(t, signin.SessionRevoked, "invalid_grant")
			}
		}
		granted := d.Login(t)
		for what, token := range map[string]string{
			"a word": "x", "no token of ours": "ASORx", "neither": "ASOAx", "a token cut": granted.RefreshToken[:80], "a word of spaces": "   ",
		} {
			wantDone(t, what, post("token", token, "client_id", d.ID))
		}
		other := w.Dynamic(t)
		for _, tt := range []struct {
			fields []string
			want   string
		}{
			{[]string{"token", granted.RefreshToken}, "invalid_request"},
			{[]string{"client_id", d.ID}, "invalid_request"},
			{[]string{"client_id", d.ID, "token", strings.Repeat("a", 4097)}, "invalid_request"},
			{[]string{"client_id", d.ID, "token", "a", "token", "b"}, "invalid_request"},
			{[]string{"token", granted.RefreshToken, "client_id", other.ID}, "invalid_grant"},
			{[]string{"token", granted.AccessToken, "client_id", other.ID}, "invalid_grant"},
			{[]string{"token", granted.RefreshToken, "client_id", d.ID, "grant_type", "refresh_token"}, "invalid_request"},
		} {
			a := post(tt.fields...)
			if a.Code != http.StatusBadRequest || !strings.HasPrefix(a.Body.String(), `{"error":"`+tt.want+`","error_description":"`) || len(a.Header()["X-Amzn-ErrorType"]) > 0 {
				t.Errorf("%.60v… = %d %v %s, want 400 %s in the plain shape", tt.fields, a.Code, a.Header(), a.Body, tt.want)
			}
		}
		if !w.active(t, granted.AccessToken) || !w.active(t, granted.RefreshToken) {
			t.Error("what was refused ended a session")
		}
	})
}

// A refresh token that was used ends its session still: it is the same session. An access token does so while it is good.
func TestOldTokensAndTheirSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, brief)
		d := w.Dynamic(t)
		first := d.Login(t)
		time.Sleep(10 * time.Minute)
		second := d.Refresh(t, first.RefreshToken).WantOK(t)
		wantDone(t, "an access token that is over", w.Do(w.held(formType, form("token", first.AccessToken, "client_id", d.ID), nil)))
		if !w.active(t, second.AccessToken) {
			t.Error("an access token that is over ended its session")
		}
		wantDone(t, "a refresh token that was used", w.Do(w.held(formType, form("token", first.RefreshToken, "client_id", d.ID), nil)))
		if w.active(t, second.AccessToken) {
			t.Error("the session lives on")
		}

		c := w.Client()
		login := c.Login(t)
		time.Sleep(10 * time.Minute)
		c.Refresh(t, login.RefreshToken)
		before := w.notices(t)
		time.Sleep(20 * time.Minute)
		wantDone(t, "a session that is over", w.Do(w.held(jsonType, object(t, "token", login.RefreshToken), c.Key)))
		if w.notices(t) != before {
			t.Error("a notice was given of a session that is over")
		}
	})
}

// The session of a confidential client is bound to no key; its refresh token alone must not end it.
func TestConfidentialClientsSign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		token := w.Confidential(t, "backend").Login(t).RefreshToken
		for _, r := range []*http.Request{
			w.held(jsonType, object(t, "token", token), nil), w.held(formType, form("token", token, "client_id", signin.ConfidentialPrefix+"backend"), testkit.NewKey()),
		} {
			w.WantRefused(t, "the token of a confidential client", r, signin.TokenTypeRefused)
		}
		if !w.active(t, token) {
			t.Error("what was refused ended a session")
		}
		wantDone(t, "the same, signed", w.signed(t, w.keys, token))
		if w.active(t, token) {
			t.Error("the session lives on")
		}
	})
}

// Pages of other origins may revoke what they hold: a client in a browser is a client.
func TestClientsInBrowsersRevoke(t *testing.T) {
	w := newWorld(t)
	r := w.held(formType, form("token", "x", "client_id", w.Dynamic(t).ID), nil)
	r.Header.Set("Origin", "https://agent.example.com")
	if a := w.Do(r); a.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("a page of another origin is answered with %v", a.Header())
	}
}

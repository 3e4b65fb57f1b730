package testkit

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// SignedCall is a request to an operation that takes only signed ones.
type SignedCall struct {
	Path string // with the query of the operation, like /v1/introspect?x-amz-client-auth-method=iam
	Body string // JSON; empty: none, and no Content-Type
}

// Request returns the request, signed by keys now.
func (s *Server) Request(call SignedCall, keys Credentials) *http.Request {
	return s.RequestIn(call, keys, s.Scope("signin"))
}

// RequestIn is Request for another scope.
func (s *Server) RequestIn(call SignedCall, keys Credentials, scope Scope) *http.Request {
	r := httptest.NewRequest(http.MethodPost, s.Base+call.Path, strings.NewReader(call.Body))
	if call.Body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	keys.Sign(r, []byte(call.Body), scope)
	return r
}

// Credentials returns what a login gave, to sign with.
func (a Answer) Credentials() Credentials {
	return Credentials{AccessKeyID: a.AccessToken.AccessKeyID, SecretAccessKey: a.AccessToken.SecretAccessKey, SessionToken: a.AccessToken.SessionToken}
}

// RefusesUnprovenCallers sends call in every way in which its caller is not proved: unsigned, signed for something else,
// changed after it was signed, signed by keys that are over. It fails the test unless each is refused with its fault. keys
// are those of a caller who may make the call, which must be good at the end as well: then nothing that was refused changed
// what call needs.
func (s *Server) RefusesUnprovenCallers(t testing.TB, call SignedCall, keys Credentials) {
	t.Helper()
	now := time.Now()
	scope := s.Scope("signin")
	in := func(service, region string, at time.Time) Scope {
		return Scope{Service: service, Region: region, At: at}
	}
	signed := func(keys Credentials, scope Scope, change func(*http.Request)) *http.Request {
		r := s.RequestIn(call, keys, scope)
		if change != nil {
			change(r)
		}
		return r
	}
	unsigned := signed(keys, scope, func(r *http.Request) { r.Header.Del("Authorization") })
	presigned := func(change func(*http.Request), expires time.Duration, at time.Time) *http.Request {
		r := s.Presigned(call, keys, in("signin", scope.Region, at), expires)
		if change != nil {
			change(r)
		}
		return r
	}
	robot := s.ServiceUser(t, "robot-of-mutations", policy.ExchangeToken)
	disabled := s.AccessKey(t, robot)
	if err := s.Store.DisableAccessKey(t.Context(), disabled.AccessKeyID); err != nil {
		t.Fatal(err)
	}
	revoked := s.Client().Login(t)
	s.Revoke(t, revoked)

	header := func(r *http.Request, change func(string) string) {
		r.Header.Set("Authorization", change(r.Header.Get("Authorization")))
	}
	wrong := keys
	wrong.SecretAccessKey = strings.Repeat("x", 40)
	unknown := keys
	unknown.AccessKeyID, unknown.SessionToken = "AKIAAAAAAAAAAAAAAAAA", ""
	for _, tt := range []struct {
		name string
		r    *http.Request
		want signin.Kind
	}{
		{"no signature", unsigned, signin.SignatureMissing},
		{"a bearer token", signed(keys, scope, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }), signin.SignatureMissing},
		{"another service", signed(keys, in("sts", scope.Region, now), nil), signin.SignatureInvalid},
		{"another region", signed(keys, in("signin", "eu-north-1", now), nil), signin.SignatureInvalid},
		{"a time that is long ago", signed(keys, in("signin", scope.Region, now.Add(-6*time.Minute)), nil), signin.SignatureInvalid},
		{"a time to come", signed(keys, in("signin", scope.Region, now.Add(6*time.Minute)), nil), signin.SignatureInvalid},
		{"the scope of another day", signed(keys, scope, func(r *http.Request) {
			header(r, func(h string) string {
				return strings.Replace(h, now.UTC().Format("20060102"), now.AddDate(0, 0, -1).UTC().Format("20060102"), 1)
			})
		}), signin.SignatureInvalid},
		{"the host not signed", signed(keys, scope, func(r *http.Request) {
			header(r, func(h string) string { return strings.Replace(h, "host;", "", 1) })
		}), signin.SignatureInvalid},
		{"the date not signed", signed(keys, scope, func(r *http.Request) {
			header(r, func(h string) string { return strings.Replace(h, ";x-amz-date", "", 1) })
		}), signin.SignatureInvalid},
		{"a header of AWS added", signed(keys, scope, func(r *http.Request) { r.Header.Set("X-Amz-Target", "x") }), signin.SignatureInvalid},
		{"two signatures", signed(keys, scope, func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }), signin.SignatureInvalid},
		{"two dates", signed(keys, scope, func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) }), signin.SignatureInvalid},
		{"another host", signed(keys, scope, func(r *http.Request) { r.Host = "evil.example" }), signin.SignatureInvalid},
		{"a signature cut", signed(keys, scope, func(r *http.Request) { header(r, func(h string) string { return h[:len(h)-1] }) }), signin.SignatureInvalid},
		{"another signature", signed(keys, scope, func(r *http.Request) {
			header(r, func(h string) string { return h[:len(h)-64] + strings.Repeat("0", 64) })
		}), signin.SignatureInvalid},
		{"an unsigned payload", signed(keys, scope, func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }), signin.SignatureInvalid},
		{"a wrong secret", signed(wrong, scope, nil), signin.SignatureInvalid},
		{"an unknown key", signed(unknown, scope, nil), signin.SignatureInvalid},
		{"a disabled key", signed(disabled, scope, nil), signin.SignatureInvalid},
		{"a revoked session", signed(revoked.Credentials(), scope, nil), signin.SessionEnded},
		{"credentials that are over", signed(s.expired(t, revoked), scope, nil), signin.SessionEnded},
		{"a session token taken away", signed(revoked.Credentials(), scope, func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }), signin.SignatureInvalid},
		{"the session token of another", signed(revoked.Credentials(), scope, func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }), signin.SignatureInvalid},
		{"a presigned URL that is over", presigned(nil, time.Minute, now.Add(-2*time.Minute)), signin.SignatureInvalid},
		{"a presigned URL to come", presigned(nil, time.Minute, now.Add(6*time.Minute)), signin.SignatureInvalid},
		{"a presigned URL that was made to last", presigned(func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Expires=60", "X-Amz-Expires=600", 1)
		}, time.Minute, now.Add(-2*time.Minute)), signin.SignatureInvalid},
		{"a presigned URL and a signature", presigned(func(r *http.Request) {
			r.Header.Set("Authorization", signed(keys, scope, nil).Header.Get("Authorization"))
		}, time.Minute, now), signin.SignatureInvalid},
		{"a presigned URL with a parameter twice", presigned(func(r *http.Request) {
			r.URL.RawQuery += "&X-Amz-Expires=60"
		}, time.Minute, now), signin.SignatureInvalid},
	} {
		s.WantRefused(t, tt.name, tt.r, tt.want)
	}
	if call.Body != "" {
		other := signed(keys, scope, nil)
		longer := s.RequestIn(SignedCall{Path: call.Path, Body: call.Body + " "}, keys, scope)
		longer.Header = other.Header
		s.WantRefused(t, "a body that was changed", longer, signin.SignatureInvalid)
	}
	if path, query, ok := strings.Cut(call.Path, "?"); ok {
		for _, r := range []*http.Request{
			signed(keys, scope, func(r *http.Request) { r.URL.RawQuery += "&x=y" }),
			signed(keys, scope, func(r *http.Request) { r.URL.RawQuery = "x-amz-client-auth-method=other" }),
		} {
			s.WantRefused(t, "a query that was changed", r, signin.OperationUnknown)
		}
		moved := s.RequestIn(SignedCall{Path: path, Body: call.Body}, keys, scope) // signed without the query that names the operation
		moved.URL.RawQuery = query
		s.WantRefused(t, "a query that was added", moved, signin.SignatureInvalid)
	}
	if w := s.Do(s.Request(call, keys)); w.Code != http.StatusOK {
		t.Errorf("the call that is right = %d %s, want 200", w.Code, w.Body)
	}
}

// Presigned returns the request with its signature in the query, good for expires.
func (s *Server) Presigned(call SignedCall, keys Credentials, scope Scope, expires time.Duration) *http.Request {
	r := httptest.NewRequest(http.MethodPost, s.Base+call.Path, strings.NewReader(call.Body))
	if call.Body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	keys.PresignBody(r, []byte(call.Body), scope, expires)
	return r
}

// expired returns credentials of a login whose step ended five minutes ago, which have never been announced to be over.
func (s *Server) expired(t testing.TB, login Answer) Credentials {
	t.Helper()
	session, _, err := seal.OpenRefresh(s.Ring, login.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	l := s.Config.Lifetimes.Signin()
	session.ID, session.Start = signin.NewSessionID(time.Now()), session.Start.Add(-l.Credentials-5*time.Minute)
	m := credential.Mint(s.Ring, session, 0, l)
	return Credentials{AccessKeyID: m.AccessKeyID, SecretAccessKey: m.SecretAccessKey, SessionToken: m.SessionToken}
}

// WantRefused fails the test unless r is refused with kind, on the wire and in the log. name says what it is.
func (s *Server) WantRefused(t testing.TB, name string, r *http.Request, kind signin.Kind) {
	t.Helper()
	w := s.Do(r)
	if outcome := s.Outcome(w); outcome != kind.String() || w.Code != wire.Status(kind) {
		t.Errorf("%s: answer = %d %v %s, want %v", name, w.Code, outcome, w.Body, kind)
	}
}

// Outcome returns what the log says of the request that was answered with w: ok, or the name of the fault's kind.
func (s *Server) Outcome(w *httptest.ResponseRecorder) string {
	outcome, _ := s.outcomes.Load(w.Header()["X-Amzn-RequestId"][0])
	text, _ := outcome.(string)
	return text
}

// Revoke ends the session of a login, as a second redemption of its code does.
func (s *Server) Revoke(t testing.TB, login Answer) {
	t.Helper()
	session, _, err := seal.OpenRefresh(s.Ring, login.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	err = s.Store.Announce(t.Context(), signin.Notice{
		Reason: signin.RevokedSession, Subject: session.ID.String(), At: now, Expires: session.RevocationExpiry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // the server hears of it within two polls
}

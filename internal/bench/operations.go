package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// The paths of the operations that only signed requests reach.
const (
	introspectPath = "/v1/introspect?x-amz-client-auth-method=iam"
	withIAMPath    = "/v1/token?x-amz-client-auth-method=iam"
)

// The directory of servers whose operations are measured.
const (
	benchRegion   = "us-east-1"
	benchResource = "https://mcp.example.com/mcp"
	benchPolicy   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:*","Resource":"*"}]}`
	benchKey      = "AKIABENCHBENCHBENCHB"
	benchUser     = "AIDABENCHBENCHBENCHB"
)

// directory is what callers of operations have.
type directory struct {
	ring   *keyring.Ring
	keys   testkit.Credentials // of a service user who may do everything
	client string              // id of a client that registered itself
}

// newDirectory writes a directory into the store of a server that may run.
func newDirectory(ctx context.Context, d *dataDir, ring *keyring.Ring) (directory, error) {
	now := time.Now()
	st, err := d.open(ctx, now)
	if err != nil {
		return directory{}, err
	}
	defer st.Close()
	out := directory{ring: ring, client: signin.DynamicClientID(benchRegion, signin.NewSessionID(now))}
	registration, err := clients.Metadata{
		ClientID: out.client, Name: "bench", RedirectURIs: []string{redirectURI}, GrantTypes: []string{signin.GrantAuthorizationCode, signin.GrantRefreshToken},
	}.Registration(now, now.Add(24*time.Hour))
	if err != nil {
		return directory{}, err
	}
	key, p := ring.AccessKeyKey(), testPrincipal
	out.keys = testkit.Credentials{AccessKeyID: benchKey, SecretAccessKey: credential.LongLivedSecret(key, benchKey)}
	for _, err := range []error{
		st.AddAccount(ctx, store.Account{ID: p.Account, Name: "Bench", Created: now}),
		st.AddPerson(ctx, store.Person{ID: p.PersonID, Name: p.Person, Created: now, PasswordChanged: now}),
		st.AddRole(ctx, store.Role{ID: p.RoleID, Account: p.Account, Name: p.Role, Policy: benchPolicy, Created: now}),
		st.Assign(ctx, p.PersonID, p.RoleID),
		st.AddServiceUser(ctx, store.ServiceUser{ID: benchUser, Account: p.Account, Name: "bench", Policy: benchPolicy, Created: now}),
		st.AddAccessKey(ctx, store.AccessKey{ID: benchKey, User: benchUser, RingKey: key.ID(), Created: now}),
		st.AddResource(ctx, store.Resource{Resource: signin.Resource{Account: p.Account, Identifier: benchResource, Service: "mcp.example.com"}, Created: now}),
		st.RegisterClient(ctx, registration),
	} {
		if err != nil && !errors.Is(err, store.ErrExists) { // another scenario has used this store
			return directory{}, fmt.Errorf("fill the directory: %w", err)
		}
	}
	return out, nil
}

// session returns a session of the dynamic client that begins at now.
func (d directory) session(now time.Time) signin.Session {
	start := now.Truncate(time.Second)
	return signin.Session{
		ID: signin.NewSessionID(now), ClientID: d.client, Principal: testPrincipal, AuthTime: now, Issued: now,
		Start: start, End: start.Add(signin.DefaultLifetimes().Session), Methods: "pwd", Resource: benchResource,
	}
}

// signedCalls makes requests of one operation, signed by a long-lived access key.
type signedCalls struct {
	host, path string
	directory
	body func(now time.Time) (string, error)
}

func (w signedCalls) requests(_ context.Context, n int, now time.Time) ([][]byte, error) {
	var mu sync.Mutex
	var failed error
	all := inParallel(n, func(int) []byte {
		b, err := w.request(now)
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed = err
		}
		return b
	})
	return all, failed
}

func (w signedCalls) request(now time.Time) ([]byte, error) {
	body, err := w.body(now)
	if err != nil {
		return nil, err
	}
	return load.Signed(w.host, w.path, body, w.keys, testkit.Scope{Service: "signin", Region: benchRegion, At: now})
}

// introspectBody asks about an access token of a session of its own, as a resource server does of each new caller.
func (d directory) introspectBody(now time.Time) (string, error) {
	s := d.session(now)
	token := seal.SealAccess(d.ring.SealingKey(s.Start), seal.AccessToken{
		Session: s, Issued: s.Start, Expires: s.Start.Add(signin.DefaultLifetimes().AccessToken),
	})
	b, err := json.Marshal(map[string]string{"token": token, "token_type_hint": "access_token"})
	return string(b), err
}

// withIAMBody asks for an access token.
func (d directory) withIAMBody(time.Time) (string, error) {
	return `{"grant_type":"client_credentials","resource":"` + benchResource + `"}`, nil
}

// grantRefreshes makes refreshes of a dynamic client, each of a session of its own: a refresh token is good once.
type grantRefreshes struct {
	host string
	directory
}

func (w grantRefreshes) requests(_ context.Context, n int, now time.Time) ([][]byte, error) {
	return inParallel(n, func(int) []byte { return w.request(now) }), nil
}

func (w grantRefreshes) request(now time.Time) []byte {
	s := w.session(now)
	form := url.Values{
		"grant_type": {signin.GrantRefreshToken}, "client_id": {w.client}, "resource": {benchResource},
		"refresh_token": {seal.SealGrant(w.ring.SealingKey(s.Start), s, 0)},
	}
	return load.Bearer(w.host, load.TokenPath, form.Encode())
}

// operationServer starts a server with a directory, whose work is what of returns.
func operationServer(how setup, of func(host string, d directory) work) func(context.Context, *lab, *subject) (*subject, error) {
	return func(ctx context.Context, l *lab, _ *subject) (*subject, error) {
		data, err := l.store(ctx, how)
		if err != nil {
			return nil, err
		}
		s, c, err := l.startSubject(ctx, how)
		if err != nil {
			return nil, err
		}
		d, err := newDirectory(ctx, data, c.ring)
		if err != nil {
			return nil, err
		}
		s.work = of(s.addresses[0], d)
		first, err := s.work.requests(ctx, 1, time.Now())
		if err != nil {
			return nil, err
		}
		s.sample, err = exchange(ctx, s.addresses[0], first[0])
		return s, err
	}
}

func introspections(host string, d directory) work {
	return signedCalls{host, introspectPath, d, d.introspectBody}
}

func clientCredentials(host string, d directory) work {
	return signedCalls{host, withIAMPath, d, d.withIAMBody}
}

func refreshesOfGrants(host string, d directory) work { return grantRefreshes{host, d} }

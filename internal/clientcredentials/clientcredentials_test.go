package clientcredentials_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	iam    = "/v1/token?x-amz-client-auth-method=iam"
	bearer = "/v1/token?x-amz-token-request-type=bearer"

	api   = "https://api.example.com/v1"
	other = "https://other.example.com/"
)

// allow is a policy that allows tokens for the service of api, and no other.
const allow = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:CreateOAuth2Token","Resource":"arn:aws:signin:*:111122223333:service-principal/api.example.com"}}`

// world is a server with a resource that a robot and alice's role may have tokens for.
type world struct {
	*testkit.Server
	robot testkit.Credentials
	user  store.ServiceUser
}

func newWorld(t testing.TB, options ...testkit.Option) *world {
	t.Helper()
	w := &world{Server: testkit.Start(t, options...)}
	w.Resource(t, testkit.Account, api)
	w.Resource(t, testkit.Account, other)
	w.user = w.ServiceUser(t, "robot", allow)
	w.robot = w.AccessKey(t, w.user)
	now := time.Now()
	document := strings.Replace(allow, `"signin:CreateOAuth2Token"`, `["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"]`, 1)
	document = strings.Replace(document, `"arn:aws:signin:*:111122223333:service-principal/api.example.com"`, `["arn:aws:signin:*:111122223333:service-principal/api.example.com","arn:aws:signin:*:*:oauth2/*"]`, 1)
	if err := w.Store.SetRolePolicy(t.Context(), w.Role.ID, document, false, now, now); err != nil {
		t.Fatal(err)
	}
	return w
}

func body(resource string, more ...string) string {
	return fmt.Sprintf(`{"grant_type":"client_credentials","resource":%q%s}`, resource, strings.Join(more, ""))
}

func (w *world) ask(t testing.TB, path, body string, keys testkit.Credentials) testkit.TokenAnswer {
	t.Helper()
	return w.Ask(t, w.Request(testkit.SignedCall{Path: path, Body: body}, keys))
}

// verify returns the claims of a token as a resource server does: by the published keys, with a library that is not ours.
func (w *world) verify(t *testing.T, token string) map[string]any {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(w.Do(httptest.NewRequest(http.MethodGet, w.Base+"/.well-known/jwks.json", nil)).Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if typ := signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType]; typ != "at+jwt" {
		t.Errorf("typ = %v, want at+jwt", typ)
	}
	payload, err := signed.Verify(set)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// A program with a long-lived key gets an hour, or with CreateBearerToken what it asks for. A resource server verifies the
// token with the published keys.
func TestServiceUserGetsATokenForAResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, tt := range []struct {
			path, more string
			want       int64
		}{
			{iam, "", 3600}, {bearer, "", 43200}, {bearer, `,"duration":300`, 300}, {bearer, `,"duration":43200`, 43200}, {bearer, `,"duration":null`, 43200},
		} {
			a := w.ask(t, tt.path, body(api, tt.more), w.robot)
			if a.Status != http.StatusOK || a.TokenType != "Bearer" || a.ExpiresIn != tt.want || len(a.AccessToken) > 4096 {
				t.Fatalf("%s%s = %d %s, want a token for %d s", tt.path, tt.more, a.Status, a.Body, tt.want)
			}
			if a.Header.Get("Cache-Control") != "no-store" || strings.Contains(a.Body, "refresh") {
				t.Errorf("%s = %v %s", tt.path, a.Header, a.Body)
			}
			now := time.Now().Unix()
			claims := w.verify(t, a.AccessToken)
			if id, _ := claims["jti"].(string); len(id) < 16 {
				t.Errorf("jti = %v", claims["jti"])
			}
			delete(claims, "jti")
			want := map[string]any{
				"iss": w.Base, "aud": api, "sub": w.user.ARN(), "client_id": "arn:aws:signin:::client-credentials/sigv4",
				"account_id": testkit.Account, "user_id": w.user.ID, "iat": float64(now), "nbf": float64(now), "exp": float64(now + tt.want),
			}
			if diff := cmp.Diff(want, claims); diff != "" {
				t.Errorf("%s: claims (-want +got):\n%s", tt.path, diff)
			}
		}
	})
}

// Attack: keep access beyond the end of temporary credentials, by a token that outlives them. It never does, and the seconds that
// are gone are subtracted.
func TestTokenEndsWithTheCallersCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		time.Sleep(time.Second) // the role's policy was changed
		login := w.Client().Login(t)
		began := time.Now()
		for _, tt := range []struct {
			at   time.Duration
			want int64
		}{{0, 900}, {300 * time.Millisecond, 899}, {time.Second, 899}, {10*time.Minute + time.Second/2, 299}, {899 * time.Second, 1}} {
			time.Sleep(time.Until(began.Add(tt.at)))
			for _, path := range []string{iam, bearer} {
				a := w.ask(t, path, body(api), login.Credentials())
				if a.Status != http.StatusOK || a.ExpiresIn != tt.want {
					t.Fatalf("%s after %v = %d %s, want %d s", path, tt.at, a.Status, a.Body, tt.want)
				}
				claims := w.verify(t, a.AccessToken)
				if claims["exp"].(float64)-claims["iat"].(float64) != float64(tt.want) || int64(claims["exp"].(float64)) > began.Add(900*time.Second).Unix() {
					t.Errorf("after %v, iat %v and exp %v", tt.at, claims["iat"], claims["exp"])
				}
				if sub := claims["sub"]; sub != "arn:aws:sts::111122223333:assumed-role/Developer/alice" || claims["user_id"] != w.Role.ID+":alice" {
					t.Errorf("sub %v, user_id %v", sub, claims["user_id"])
				}
				if s, _ := claims["signin_session"].(string); !strings.HasPrefix(s, "arn:aws:signin:us-east-1:111122223333:session/") || claims["auth_time"] == nil {
					t.Errorf("signin_session %v, auth_time %v", claims["signin_session"], claims["auth_time"])
				}
			}
		}
		if a := w.ask(t, bearer, body(api, `,"duration":300`), login.Credentials()); a.ExpiresIn != 1 {
			t.Errorf("a short duration = %d s, want no more than is left", a.ExpiresIn)
		}
		time.Sleep(time.Until(began.Add(899*time.Second + time.Millisecond)))
		for range 2 { // less than a second, and nothing
			if a := w.ask(t, iam, body(api), login.Credentials()); a.Status != http.StatusUnauthorized || a.Type != "AccessDeniedException" || a.Error != "TOKEN_EXPIRED" {
				t.Errorf("at the end = %d %s", a.Status, a.Body)
			}
			time.Sleep(time.Second)
		}
	})
}

// Attack: learn which resources an account, or another one, has. What is not there, what belongs to another account, and what
// the policies deny are answered alike.
func TestForbiddenAndUnknownResourcesLookAlike(t *testing.T) {
	w := newWorld(t)
	if err := w.Store.AddAccount(t.Context(), store.Account{ID: "444455556666", Name: "Other", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	w.Resource(t, "444455556666", "https://api.example.com/theirs")
	login := w.Client()
	time.Sleep(time.Second)
	person := login.Login(t).Credentials()
	for name, keys := range map[string]testkit.Credentials{"robot": w.robot, "alice": person} {
		var first string
		for _, resource := range []string{other, "https://nowhere.example.com", "https://api.example.com/theirs", "https://API.example.com/v1", api + "/", strings.Repeat("a", 2048), "é"} {
			for _, path := range []string{iam, bearer} {
				a := w.ask(t, path, body(resource), keys)
				if a.Status != http.StatusForbidden || a.Type != "AccessDeniedException" || a.Error != "INSUFFICIENT_PERMISSIONS" {
					t.Errorf("%s, %s for %.40s = %d %s", name, path, resource, a.Status, a.Body)
				}
				if first == "" {
					first = a.Body
				} else if a.Body != first {
					t.Errorf("%s for %.40s is told\n%s, and before\n%s", name, resource, a.Body, first)
				}
			}
		}
	}
}

// Every limit at its edge and one past it, and members that belong elsewhere.
func TestRequestsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		path, body, code, reason string
	}{
		{iam, `{"resource":"` + api + `"}`, "INVALID_REQUEST", "grant_type is missing"},
		{iam, `{"grant_type":"client_credentials"}`, "INVALID_REQUEST", "resource is missing"},
		{iam, body(""), "INVALID_REQUEST", "1 to 2048"},
		{iam, body(strings.Repeat("a", 2049)), "INVALID_REQUEST", "1 to 2048"},
		{iam, `{"grant_type":"authorization_code","resource":"x"}`, "unsupported_grant_type", "client_credentials"},
		{iam, `{"grant_type":"Client_Credentials","resource":"x"}`, "unsupported_grant_type", "client_credentials"},
		{iam, `{"grantType":"client_credentials","resource":"x"}`, "INVALID_REQUEST", "letter by letter"},
		{iam, body(api, `,"duration":300`), "INVALID_REQUEST", "not a member"},
		{iam, body(api, `,"scope":"x"`), "INVALID_REQUEST", "not a member"},
		{iam, body(api, `,"client_id":"x"`), "INVALID_REQUEST", "not a member"},
		{iam, body(api, `,"resource":"y"`), "unsupported_grant_type", "twice"},
		{iam, body(api) + "{}", "unsupported_grant_type", "follows"},
		{iam, `{"grant_type":"client_credentials","resource":["` + api + `"]}`, "INVALID_REQUEST", "a string"},
		{bearer, body(api, `,"duration":299`), "INVALID_REQUEST", "300 to 43200"},
		{bearer, body(api, `,"duration":43201`), "INVALID_REQUEST", "300 to 43200"},
		{bearer, body(api, `,"duration":-300`), "INVALID_REQUEST", "300 to 43200"},
		{bearer, body(api, `,"duration":300.5`), "INVALID_REQUEST", "whole number"},
		{bearer, body(api, `,"duration":"300"`), "INVALID_REQUEST", "whole number"},
		{bearer, body(api, `,"duration_seconds":300`), "INVALID_REQUEST", "not a member"},
	} {
		a := w.ask(t, tt.path, tt.body, w.robot)
		if a.Status != http.StatusBadRequest || a.Type != "ValidationException" || a.Error != tt.code || !strings.Contains(a.Message, tt.reason) {
			t.Errorf("%s %.80s = %d %s, want %s: %s", tt.path, tt.body, a.Status, a.Body, tt.code, tt.reason)
		}
	}
}

// A form is as good as JSON, and the answer is in snake case either way.
func TestFormsAreTaken(t *testing.T) {
	w := newWorld(t)
	text := "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example.com%2Fv1&duration=300"
	r := httptest.NewRequest(http.MethodPost, w.Base+bearer, strings.NewReader(text))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w.robot.Sign(r, []byte(text), w.Scope("signin"))
	if a := w.Ask(t, r); a.Status != http.StatusOK || a.ExpiresIn != 300 {
		t.Errorf("a form = %d %s", a.Status, a.Body)
	}
}

func TestUnprovenCallers(t *testing.T) {
	for _, path := range []string{iam, bearer} {
		t.Run(path, func(t *testing.T) {
			w := newWorld(t)
			w.RefusesUnprovenCallers(t, testkit.SignedCall{Path: path, Body: body(api)}, w.robot)
		})
	}
}

// A grant of the bare path means nothing here, nor the other way round: the query names the operation.
func TestGrantsOfOtherOperations(t *testing.T) {
	w := newWorld(t)
	a := w.ask(t, "/v1/token", `{"grant_type":"client_credentials","client_id":"arn:aws:signin:::devtools/same-device","resource":"x"}`, w.robot)
	if a.Status != http.StatusBadRequest || a.Error != "unsupported_grant_type" {
		t.Errorf("client_credentials without the query = %d %s", a.Status, a.Body)
	}
	if a := w.ask(t, iam+"&x-amz-token-request-type=bearer", body(api), w.robot); a.Status != http.StatusBadRequest || !strings.Contains(a.Message, "the query names no operation") {
		t.Errorf("two queries = %d %s", a.Status, a.Body)
	}
}

// A token that one node gave verifies with the keys that any other publishes.
func TestTokensVerifyAtEveryNode(t *testing.T) {
	w := newWorld(t)
	a := w.ask(t, iam, body(api), w.robot)
	other := &world{Server: w.Node(t)}
	if claims := other.verify(t, a.AccessToken); claims["aud"] != api {
		t.Errorf("claims = %v", claims)
	}
	w.verify(t, other.ask(t, iam, body(api), w.robot).AccessToken)
}

// Attack: ask without end. One caller has a pace of its own, whatever address it comes from, and others keep theirs.
func TestCallersAreHeldToAPace(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		c.Limits.Address, c.Limits.Client, c.Limits.Wait = config.Rate{}, config.Rate{PerSecond: 0.01, Burst: 3}, 0
	})
	throttled := 0
	for range 5 {
		switch a := w.ask(t, bearer, body(api), w.robot); {
		case a.Status == http.StatusTooManyRequests && a.Type == "TooManyRequestsError" && a.Header.Get("Retry-After") != "":
			throttled++
		case a.Status != http.StatusOK:
			t.Errorf("answer = %d %s", a.Status, a.Body)
		}
	}
	if throttled != 2 {
		t.Errorf("of 5 requests %d were throttled, want 2", throttled)
	}
	if a := w.ask(t, bearer, body(api), w.AccessKey(t, w.ServiceUser(t, "another", allow))); a.Status != http.StatusOK {
		t.Errorf("another caller = %d %s", a.Status, a.Body)
	}
}

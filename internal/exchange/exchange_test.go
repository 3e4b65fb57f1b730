package exchange_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/trust"
)

const (
	audience = "https://signin.example.com"
	glue     = "glue.amazonaws.com"
	other    = "444455556666"
)

// allow is a policy that allows tokens for glue.
const allow = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:CreateOAuth2Token","Resource":"arn:aws:signin:*:*:service-principal/glue.amazonaws.com"}}`

// world is a server whose account trusts an issuer, and gives its engineers a role that may have tokens for glue.
type world struct {
	*testkit.Server
	idp *testkit.Issuer
}

func newWorld(t *testing.T, options ...testkit.Option) *world {
	t.Helper()
	w := &world{testkit.Start(t, options...), testkit.StartIssuer(t)}
	w.Resource(t, testkit.Account, glue)
	w.Resource(t, testkit.Account, "https://forbidden.example.com")
	w.addRole(t, testkit.Account, "Engineer", allow)
	w.Trust(t, testkit.Account, w.idp, audience, trust.Rules{
		AllowPrivate: true, Require: map[string]string{"email_verified": "true"},
		Roles: []trust.Mapping{{Claim: "groups", Value: "engineers", Role: "Engineer"}, {Claim: "groups", Value: "ghosts", Role: "Gone"}},
	})
	return w
}

func (w *world) addRole(t *testing.T, account, name, document string) store.Role {
	t.Helper()
	r := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: account, Name: name, Policy: document, Created: time.Now()}
	if err := w.Store.AddRole(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

// token is a good one of carol, who is an engineer.
func (w *world) token(t *testing.T, more map[string]any) string {
	t.Helper()
	claims := map[string]any{"groups": []string{"staff", "engineers"}, "email_verified": true}
	for name, value := range more {
		claims[name] = value
	}
	return w.idp.Token(t, w.idp.Claims(audience, "carol", claims))
}

// wants checks that an answer is that refusal.
func wants(t *testing.T, what string, a testkit.TokenAnswer, status int, exception, code, reason string) {
	t.Helper()
	if a.Status != status || a.Type != exception || a.Error != code || !strings.Contains(a.Message, reason) {
		t.Errorf("%s = %d %v %s, want %d %s %s: %s", what, a.Status, a.Header["X-Amzn-ErrorType"], a.Body, status, exception, code, reason)
	}
	if got := a.Header["X-Amzn-ErrorType"]; len(got) != 1 || got[0] != exception {
		t.Errorf("%s: X-Amzn-ErrorType is %q, want %s", what, got, exception)
	}
}

// An engineer of a partner brings the token of their own provider, and gets one for the resource, for the role that the
// account's rules give them.
func TestSubjectTokenIsExchanged(t *testing.T) {
	w := newWorld(t)
	role, err := w.Store.RoleByName(t.Context(), testkit.Account, "Engineer")
	if err != nil {
		t.Fatal(err)
	}
	a := w.Exchange(t, w.token(t, map[string]any{"act": map[string]any{"sub": "engine"}}), glue, nil)
	if a.Status != http.StatusOK || a.TokenType != "Bearer" || a.IssuedTokenType != "urn:ietf:params:oauth:token-type:access_token" || a.ExpiresIn < 580 || a.ExpiresIn > 600 {
		t.Fatalf("exchange = %d %s", a.Status, a.Body)
	}
	claims := testkit.Claims(t, a.AccessToken)
	iat, _ := claims["iat"].(float64)
	want := map[string]any{
		"iss": w.Base, "aud": glue, "sub": "arn:aws:sts::111122223333:assumed-role/Engineer/carol", "client_id": "arn:aws:signin:::token-exchange/jwt",
		"account_id": testkit.Account, "user_id": role.ID + ":carol", "act": map[string]any{"sub": "engine"}, "idp": w.idp.URL,
		"iat": iat, "nbf": iat, "exp": iat + float64(a.ExpiresIn), "jti": claims["jti"],
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	// RFC 8693 lets it be brought again.
	if again := w.Exchange(t, w.token(t, nil), glue, nil); again.Status != http.StatusOK || again.AccessToken == a.AccessToken {
		t.Errorf("again = %d %s", again.Status, again.Body)
	}
}

// An access token lives for an hour, or as long as the subject token where that is less.
func TestAccessTokenEndsWithTheSubjectToken(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ life, least, most time.Duration }{
		{20 * time.Second, time.Second, 20 * time.Second}, {30 * time.Minute, 1780 * time.Second, 1800 * time.Second}, {24 * time.Hour, time.Hour, time.Hour},
	} {
		exp := time.Now().Add(tt.life).Unix()
		a := w.Exchange(t, w.token(t, map[string]any{"exp": exp}), glue, nil)
		got := time.Duration(a.ExpiresIn) * time.Second
		if a.Status != http.StatusOK || got < tt.least || got > tt.most {
			t.Fatalf("for a subject token of %v = %d %s", tt.life, a.Status, a.Body)
		}
		if claims := testkit.Claims(t, a.AccessToken); int64(claims["exp"].(float64)) > exp {
			t.Errorf("exp is %v, after %d of the subject token", claims["exp"], exp)
		}
	}
}

// A scope names policies that narrow. They must exist, in this account or built in, and the token carries them.
func TestScopeNarrows(t *testing.T) {
	w := newWorld(t)
	const mine, theirs, builtIn = "arn:aws:iam::111122223333:policy/read-only", "arn:aws:iam::444455556666:policy/theirs", "arn:aws:iam::aws:policy/SignInLocalDevelopmentAccess"
	if err := w.Store.AddAccount(t.Context(), store.Account{ID: other, Name: "Other", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	many := mine
	for account, arn := range map[string]string{testkit.Account: mine, other: theirs} {
		if err := w.Store.AddManagedPolicy(t.Context(), store.ManagedPolicy{ARN: arn, Account: account, Document: allow, Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		arn := mine + string(rune('a'+i))
		many += " " + arn
		if err := w.Store.AddManagedPolicy(t.Context(), store.ManagedPolicy{ARN: arn, Account: testkit.Account, Document: allow, Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	ten, _, _ := strings.Cut(many, mine+"j")
	for _, scope := range []string{mine, builtIn, mine + " " + builtIn, strings.TrimSpace(ten)} {
		a := w.Exchange(t, w.token(t, nil), glue, map[string]string{"scope": scope})
		if a.Status != http.StatusOK || testkit.Claims(t, a.AccessToken)["scope"] != scope || len(a.AccessToken) > 4096 {
			t.Errorf("scope %s = %d %s", scope, a.Status, a.Body)
		}
	}
	for name, scope := range map[string]string{
		"another account's": theirs, "one that does not exist": mine + "z", "no ARN": "openid", "a built-in that does not exist": "arn:aws:iam::aws:policy/AdministratorAccess2",
		"two blanks": mine + "  " + builtIn, "a blank at the end": mine + " ", "a tab": mine + "\t" + builtIn, "twice": mine + " " + mine, "eleven": many,
		"a pattern": "arn:aws:iam::111122223333:policy/*", "a role": "arn:aws:iam::111122223333:role/Engineer", "one good, one bad": mine + " " + theirs,
	} {
		a := w.Exchange(t, w.token(t, nil), glue, map[string]string{"scope": scope})
		wants(t, name, a, 400, "InvalidScopeException", "invalid_scope", "")
	}
	wants(t, "a long scope", w.Exchange(t, w.token(t, nil), glue, map[string]string{"scope": strings.Repeat("a", 4097)}), 400, "ValidationException", "INVALID_REQUEST", "1 to 4096")
}

// Whoever is trusted is still held to what the account gave them.
func TestWhatTheAccountDoesNotGive(t *testing.T) {
	w := newWorld(t)
	exchange := func(more map[string]any, resource string) testkit.TokenAnswer {
		return w.Exchange(t, w.token(t, more), resource, nil)
	}
	wants(t, "no group", exchange(map[string]any{"groups": nil}, glue), 403, "AccessDeniedException", "INSUFFICIENT_PERMISSIONS", "no role")
	wants(t, "another group", exchange(map[string]any{"groups": []string{"sales"}}, glue), 403, "AccessDeniedException", "INSUFFICIENT_PERMISSIONS", "no role")
	wants(t, "a role that is gone", exchange(map[string]any{"groups": "ghosts"}, glue), 403, "AccessDeniedException", "INSUFFICIENT_PERMISSIONS", "does not exist")
	wants(t, "an email that is not verified", exchange(map[string]any{"email_verified": false}, glue), 400, "InvalidGrantException", "invalid_grant", "requires")
	wants(t, "a resource that is not registered", exchange(nil, "https://nowhere.example.com"), 400, "ValidationException", "invalid_target", "not registered")
	wants(t, "a resource in other case", exchange(nil, strings.ToUpper(glue)), 400, "ValidationException", "invalid_target", "not registered")
	wants(t, "a resource that the role may not have", exchange(nil, "https://forbidden.example.com"), 403, "AccessDeniedException", "INSUFFICIENT_PERMISSIONS", "signin:CreateOAuth2Token")
}

// Attack: bring a token of an issuer that nobody trusts, or that was made for somebody else; learn by the answers which
// issuers, audiences and resources there are. All of it looks alike, and nobody is asked about it.
func TestStrangersLearnNothing(t *testing.T) {
	w := newWorld(t)
	stranger := testkit.StartIssuer(t)
	claims := map[string]any{"groups": "engineers", "email_verified": true}
	first := ""
	for name, token := range map[string]string{
		"a stranger":                        stranger.Token(t, stranger.Claims(audience, "carol", claims)),
		"another audience":                  w.idp.Token(t, w.idp.Claims("https://other.example.com", "carol", claims)),
		"the stranger as the trusted one":   stranger.Token(t, stranger.Claims(audience, "carol", map[string]any{"iss": w.idp.URL + "/"})),
		"an issuer that is no URL":          stranger.Token(t, stranger.Claims(audience, "carol", map[string]any{"iss": "' OR 1=1 --"})),
		"an address inside of the network":  stranger.Token(t, stranger.Claims(audience, "carol", map[string]any{"iss": "http://169.254.169.254"})),
		"an issuer with a pattern for many": stranger.Token(t, stranger.Claims(audience, "carol", map[string]any{"iss": "%"})),
	} {
		for _, resource := range []string{glue, "https://nowhere.example.com"} {
			a := w.Exchange(t, token, resource, nil)
			wants(t, name, a, 400, "InvalidGrantException", "invalid_grant", "trusts")
			if first == "" {
				first = a.Body
			}
			if a.Body != first {
				t.Errorf("%s is told %s, others %s", name, a.Body, first)
			}
		}
	}
	if a, b := stranger.Requests(), w.idp.Requests(); a != 0 || b != 0 {
		t.Errorf("%d and %d requests to issuers, want none", a, b)
	}
	// Without a good signature, it makes no difference whether the resource exists.
	forged := testkit.IssuerKey{ID: w.idp.Key().ID, Algorithm: "ES256", Private: stranger.Key().Private}
	token := forged.Sign(t, w.idp.Claims(audience, "carol", claims), nil)
	if a, b := w.Exchange(t, token, glue, nil), w.Exchange(t, token, "https://nowhere.example.com", nil); a.Body != b.Body || a.Error != "invalid_grant" {
		t.Errorf("a forged token is told %s, and %s", a.Body, b.Body)
	}
}

// A token may be for several accounts. The resource says which is meant; where that does not say, none is.
func TestTokenForSeveralAccounts(t *testing.T) {
	w := newWorld(t)
	if err := w.Store.AddAccount(t.Context(), store.Account{ID: other, Name: "Other", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	w.addRole(t, other, "Guest", strings.ReplaceAll(allow, glue, "theirs.example.com"))
	const second = "https://second.example.com"
	w.Trust(t, other, w.idp, second, trust.Rules{AllowPrivate: true, Roles: []trust.Mapping{{Role: "Guest"}}})
	w.Resource(t, other, "https://theirs.example.com")
	both := w.token(t, map[string]any{"aud": []string{audience, second}})
	for resource, account := range map[string]string{glue: testkit.Account, "https://theirs.example.com": other} {
		a := w.Exchange(t, both, resource, nil)
		if a.Status != http.StatusOK || testkit.Claims(t, a.AccessToken)["account_id"] != account {
			t.Errorf("for %s = %d %s, want account %s", resource, a.Status, a.Body, account)
		}
	}
	// Attack: reach the other account's resource with a token for one of them.
	wants(t, "a resource of another account", w.Exchange(t, w.token(t, nil), "https://theirs.example.com", nil), 400, "ValidationException", "invalid_target", "")
	w.Resource(t, other, glue)
	wants(t, "a resource of both", w.Exchange(t, both, glue, nil), 400, "InvalidGrantException", "invalid_grant", "several")
	if a := w.Exchange(t, w.token(t, nil), glue, nil); a.Status != http.StatusOK {
		t.Errorf("a token for one = %d %s", a.Status, a.Body)
	}
}

// The issuer is away: the answer says so, in the words that SDKs try again upon.
func TestIssuerIsAway(t *testing.T) {
	w := newWorld(t)
	w.idp.GoAway(true)
	a := w.Exchange(t, w.token(t, nil), glue, nil)
	wants(t, "an issuer that is away", a, 503, "ServiceUnavailableException", "service_unavailable", "cannot be had")
	if a.Header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", a.Header)
	}
}

// Requests that are no exchange.
func TestRequestsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	good := w.token(t, nil)
	for _, tt := range []struct {
		name         string
		more         map[string]string
		code, reason string
	}{
		{"no grant type", map[string]string{"grant_type": ""}, "INVALID_REQUEST", "grant_type is missing"},
		{"another grant type", map[string]string{"grant_type": "client_credentials"}, "unsupported_grant_type", "token-exchange"},
		{"no subject token", map[string]string{"subject_token": ""}, "INVALID_REQUEST", "subject_token is missing"},
		{"a short one", map[string]string{"subject_token": "abc"}, "INVALID_REQUEST", "4 to 20000"},
		{"a long one", map[string]string{"subject_token": strings.Repeat("a", 20001)}, "INVALID_REQUEST", "4 to 20000"},
		{"no type", map[string]string{"subject_token_type": ""}, "INVALID_REQUEST", "subject_token_type is missing"},
		{"an access token", map[string]string{"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}, "INVALID_REQUEST", "subject_token_type must be"},
		{"a SAML assertion", map[string]string{"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "INVALID_REQUEST", "subject_token_type must be"},
		{"no resource", map[string]string{"resource": ""}, "INVALID_REQUEST", "resource is missing"},
		{"a long resource", map[string]string{"resource": strings.Repeat("a", 2049)}, "INVALID_REQUEST", "1 to 2048"},
		{"an actor token", map[string]string{"actor_token": good}, "INVALID_REQUEST", "actor_token is not a member"},
		{"an audience", map[string]string{"audience": "x"}, "INVALID_REQUEST", "audience is not a member"},
		{"a requested type", map[string]string{"requested_token_type": "x"}, "INVALID_REQUEST", "not a member"},
		{"camel case", map[string]string{"subjectToken": good}, "INVALID_REQUEST", "letter by letter"},
		{"a client id", map[string]string{"client_id": "x"}, "INVALID_REQUEST", "not a member"},
	} {
		wants(t, tt.name, w.Exchange(t, good, glue, tt.more), 400, "ValidationException", tt.code, tt.reason)
	}
	long := w.Exchange(t, strings.Repeat("a", 20000), glue, nil)
	wants(t, "the longest text", long, 400, "InvalidGrantException", "invalid_grant", "compact form")
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {good},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"}, "resource": {glue},
	}.Encode()
	r := httptest.NewRequest(http.MethodPost, w.Base+testkit.ExchangePath, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := w.Ask(t, r); a.Status != http.StatusOK {
		t.Errorf("a form = %d %s", a.Status, a.Body)
	}
}

// Nothing of a subject token is in the log or in an answer.
func TestSubjectTokensAreNotLogged(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Log.Level = "debug" })
	good := w.token(t, map[string]any{"email": "carol@secret.example.com"})
	tampered := good[:len(good)-10] + "AAAAAAAAAA"
	w.Exchange(t, good, glue, nil)
	a := w.Exchange(t, tampered, glue, nil)
	for _, secret := range []string{good, tampered, strings.Split(good, ".")[1], "secret.example.com"} {
		if strings.Contains(w.Log(), secret) || strings.Contains(a.Body, secret) {
			t.Errorf("%.40s… is in the log or the answer", secret)
		}
	}
	if !strings.Contains(w.Log(), "CreateOAuth2TokenWithTokenExchange") {
		t.Error("the log does not name the operation")
	}
}

// An account that its permission statements close to a network gives nothing there, whoever vouches.
func TestAccountIsClosedToANetwork(t *testing.T) {
	w := newWorld(t)
	admin := w.AccessKey(t, w.ServiceUser(t, "admin", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:*","Resource":"*"}}`))
	for _, call := range []testkit.SignedCall{
		{Path: "/put-resource-permission-statement", Body: `{"sourceIp":"203.0.113.0/24"}`},
		{Path: "/put-console-authorization-configuration", Body: `{}`},
	} {
		if a := w.Ask(t, w.Request(call, admin)); a.Status != http.StatusOK {
			t.Fatalf("%s = %d %s", call.Path, a.Status, a.Body)
		}
	}
	time.Sleep(2 * time.Second)
	wants(t, "from elsewhere", w.Exchange(t, w.token(t, nil), glue, nil), 403, "AccessDeniedException", "INSUFFICIENT_PERMISSIONS", "resource permission statements")
	w.ComeFrom("203.0.113.7")
	if a := w.Exchange(t, w.token(t, nil), glue, nil); a.Status != http.StatusOK {
		t.Errorf("from the network that they name = %d %s", a.Status, a.Body)
	}
}

// Attack: have the server verify signatures without end. An address has a pace, and what is refused at once counts too.
func TestAddressesAreHeldToAPace(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		c.Limits.Address, c.Limits.Wait = config.Rate{PerSecond: 0.01, Burst: 3}, 0
	})
	for range 3 {
		w.Exchange(t, "not.a.token", glue, nil)
	}
	wants(t, "the fourth", w.Exchange(t, w.token(t, nil), glue, nil), 429, "TooManyRequestsError", "INVALID_REQUEST", "")
	if w.idp.Requests() != 0 {
		t.Error("the issuer was asked")
	}
	w.ComeFrom("203.0.113.7")
	if a := w.Exchange(t, w.token(t, nil), glue, nil); a.Status != http.StatusOK {
		t.Errorf("another address = %d %s", a.Status, a.Body)
	}
}

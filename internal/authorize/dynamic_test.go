package authorize

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/clients"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	resource     = "https://mcp.example.com/mcp"
	agentURI     = "http://127.0.0.1:41753/callback"
	agentsPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],"Resource":"arn:aws:signin:*:*:service-principal/mcp.example.com"}}`
)

// registered adds a client that registered itself under a name, for redirect URIs, and returns its id.
func (s *site) registered(t *testing.T, name string, uris ...string) string {
	t.Helper()
	m := clients.Metadata{
		ClientID: signin.DynamicClientID(region, signin.NewSessionID(s.now)), Name: name, RedirectURIs: uris,
		GrantTypes: []string{signin.GrantAuthorizationCode, signin.GrantRefreshToken},
	}
	row, err := m.Registration(s.now, s.now.Add(90*24*time.Hour))
	must(t, err)
	must(t, s.store.RegisterClient(t.Context(), row))
	return m.ClientID
}

// withResource makes the site one where account has the resource, and bob and alice a role each that may use it.
func withResource(t *testing.T) *site {
	t.Helper()
	s := newSite(t, nil)
	s.addResource(t, account)
	for name, role := range map[string]string{"bob": "Agent", "alice": "Robot"} {
		s.addRole(t, account, role, agentsPolicy, name)
	}
	return s
}

func (s *site) addResource(t *testing.T, account string) {
	t.Helper()
	r := signin.Resource{Account: account, Identifier: resource, Service: signin.ServiceOf(resource)}
	must(t, s.store.AddResource(t.Context(), store.Resource{Resource: r, Created: s.now}))
}

func (s *site) addRole(t *testing.T, account, name, document, person string) {
	t.Helper()
	role := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: account, Name: name, Policy: document, Created: s.now}
	must(t, s.store.AddRole(t.Context(), role))
	must(t, s.store.Assign(t.Context(), s.people[person].ID, role.ID))
	s.roles[account+"/"+name] = role
}

// ask is what a dynamic client opens the browser with, with changes.
func ask(client, uri string, changes ...string) string {
	return begin(append([]string{
		"client_id", client, "redirect_uri", uri, "code_challenge_method", "S256", "resource", resource, "scope", "-",
	}, changes...)...)
}

func TestDynamicClientGetsACodeForItsResource(t *testing.T) {
	s := withResource(t)
	client := s.registered(t, "Claude", "https://claude.ai/api/mcp/auth_callback")
	const uri = "https://claude.ai/api/mcp/auth_callback"
	b := s.browser()
	p := b.signInAs(t, "bob", ask(client, uri, "scope", "offline_access openid")).want(t, 200, "Allow access?")
	p = b.post(consentPath, p.with("decision", "allow"))
	auth := s.opened(t, p)
	if q := p.location(t).Query(); !strings.HasPrefix(p.Header().Get("Location"), uri+"?code=") || q.Get("state") != state || q.Get("iss") != base {
		t.Errorf("Location is %q, want %s with code, state and iss", p.Header().Get("Location"), uri)
	}
	if auth.ClientID != "" || !auth.IsFor(client) || auth.IsFor(signin.SameDevice) || auth.Resource != signin.HashResource(resource) ||
		auth.Scope != signin.ScopeOpenID|signin.ScopeOffline || auth.Principal.Role != "Agent" || auth.Redirect != signin.HashRedirect(uri) {
		t.Errorf("the code says %+v", auth)
	}
	if r := s.last.Record; r.Client != client || r.Outcome != "ok" {
		t.Errorf("record is %+v", r)
	}
}

// A client that is wrong is told what is, before anybody signs in (RFC 6749 section 4.1.2.1, RFC 8707 section 2), and by whom
// (RFC 9207).
func TestWrongParametersOfDynamicClients(t *testing.T) {
	s := withResource(t)
	client := s.registered(t, "x", agentURI)
	for _, tt := range []struct{ why, name, value, code, says string }{
		{"AWS's name of the method", "code_challenge_method", "SHA-256", "invalid_request", "code_challenge_method must be S256"},
		{"plain", "code_challenge_method", "plain", "invalid_request", "code_challenge_method must be S256"},
		{"no method, which means plain", "code_challenge_method", "-", "invalid_request", "code_challenge_method is missing"},
		{"no challenge", "code_challenge", "-", "invalid_request", "code_challenge is missing"},
		{"no resource", "resource", "-", "invalid_target", "resource is missing"},
		{"an empty resource", "resource", "", "invalid_target", "resource is missing"},
		{"a resource of nobody", "resource", "https://other.example.com/", "invalid_target", "no account"},
		{"the resource with a slash", "resource", resource + "/", "invalid_target", "no account"},
		{"a resource with a fragment", "resource", resource + "#a", "invalid_target", "fragment"},
		{"a path for a resource", "resource", "/mcp", "invalid_target", "absolute URI"},
		{"a long resource", "resource", "https://" + strings.Repeat("r", 2041), "invalid_target", "1 to 800"},
		{"a scope of its own", "scope", "mcp:tools", "invalid_scope", "openid and offline_access"},
		{"one scope more", "scope", "openid profile", "invalid_scope", "openid and offline_access"},
		{"a long state", "state", strings.Repeat("x", 1025), "invalid_request", "1 to 1024"},
		{"a nonce", "nonce", "n", "invalid_request", "nonce must be left out"},
		{"a token", "response_type", "token", "unsupported_response_type", "must be code"},
		{"no page", "prompt", "none", "interaction_required", "consent is always asked for"},
	} {
		p := s.browser().get(ask(client, agentURI, tt.name, tt.value))
		if p.Code != 302 || !strings.HasPrefix(p.Header().Get("Location"), agentURI+"?error=") {
			t.Errorf("%s: %d %q, want a redirect to the client", tt.why, p.Code, p.Header().Get("Location"))
			continue
		}
		q := p.location(t).Query()
		if q.Get("error") != tt.code || !strings.Contains(q.Get("error_description"), tt.says) || q.Get("iss") != base || q.Has("code") {
			t.Errorf("%s: %v, want error=%s, a description with %q, and iss", tt.why, q, tt.code, tt.says)
		}
		if tt.name != "state" && q.Get("state") != state {
			t.Errorf("%s: state %q, want %q", tt.why, q.Get("state"), state)
		}
	}
	for why, target := range map[string]string{
		"two resources":       ask(client, agentURI) + "&resource=" + url.QueryEscape("https://b.example.com/"),
		"one resource, twice": ask(client, agentURI) + "&resource=" + url.QueryEscape(resource),
	} {
		if p := s.browser().get(target); p.location(t).Query().Get("error") != "invalid_target" {
			t.Errorf("%s: %q, want error=invalid_target", why, p.Header().Get("Location"))
		}
	}
	if p := s.browser().get(ask(client, agentURI, "state", strings.Repeat("x", 1024))); p.Code != 200 {
		t.Errorf("a state of 1024 characters: %d, want the sign-in page", p.Code)
	}
}

// Attack: a redirect URI that is not the registered one, in ways that have fooled others. The person sees a page, and nothing
// goes anywhere.
func TestDynamicClientIsSentOnlyWhereItRegistered(t *testing.T) {
	s := withResource(t)
	client := s.registered(t, "x", "https://claude.ai/cb", "http://127.0.0.1/callback", "vscode://publisher.extension/cb")
	uris := append([]string{
		"https://claude.ai/cb/", "https://claude.ai/cb?x=1", "https://claude.ai/CB", "https://claude.ai/c%62", "https://claude.ai/x/../cb", "https://claude.ai:443/cb",
		"http://claude.ai/cb", "https://claude.ai.evil.example/cb", "https://claude.ai@evil.example/cb", "https://evil.example/cb",
		"http://127.0.0.1/other", "http://127.0.0.1/callback?x=1", "http://localhost/callback", "https://127.0.0.1/callback",
		"vscode://publisher.extension/cb2", "vscode://other.extension/cb", "vscode-insiders://publisher.extension/cb",
	}, attacks...)
	for _, uri := range uris {
		p := s.browser().get(ask(client, uri))
		if p.Code != 400 || p.Header().Get("Location") != "" || p.Header().Get("Refresh") != "" {
			t.Errorf("redirect_uri %q: %d to %q, want a page", uri, p.Code, p.Header().Get("Location"))
		}
	}
	for _, uri := range []string{"https://claude.ai/cb", "http://127.0.0.1/callback", "http://127.0.0.1:49152/callback", "vscode://publisher.extension/cb"} {
		s.browser().get(ask(client, uri)).want(t, 200, "Sign in")
	}
}

// A registration ends, and the program goes on with its old id: the page tells the person how to make it register again. Of an id that
// nobody can have registered it says no such thing.
func TestWhoseRegistrationIsGoneIsToldWhatToDo(t *testing.T) {
	s := withResource(t)
	client := s.registered(t, "x", agentURI)
	const advice = "saved sign-in is gone"
	gone := client[:len(client)-4] + "0000"
	if p := s.browser().get(ask(gone, agentURI)).want(t, 400, "This request cannot be used"); !strings.Contains(p.body, advice) || !strings.Contains(p.body, "This client is not registered here") {
		t.Errorf("page for an id that is gone:\n%s\nwant advice", p.body)
	}
	if p := s.browser().get(ask("somebody", agentURI)).want(t, 400, "This request cannot be used"); strings.Contains(p.body, advice) {
		t.Errorf("page for an id of no registration:\n%s\nwant no advice", p.body)
	}
}

// The roles to choose from are those in accounts that have the resource, whose policies allow it.
func TestOnlyRolesThatMayUseTheResourceAreChosen(t *testing.T) {
	s := withResource(t)
	s.addRole(t, "444455556666", "Elsewhere", agentsPolicy, "bob") // whose account does not have it
	s.addRole(t, account, "Broken", "{", "bob")
	s.addRole(t, account, "Other", strings.ReplaceAll(agentsPolicy, "mcp.example.com", "other.example.com"), "bob")
	s.addRole(t, account, "HalfWay", strings.Replace(agentsPolicy, `,"signin:CreateOAuth2Token"`, "", 1), "bob")
	client := s.registered(t, "x", agentURI)
	b := s.browser()
	p := b.signInAs(t, "bob", ask(client, agentURI)).want(t, 200, "Allow access?")
	if got := p.fields().Get("assignment"); got != account+"/Agent" {
		t.Errorf("the one role is %q, want Agent; page:\n%s", got, p.body)
	}
	for _, role := range []string{account + "/Developer", account + "/Other", "444455556666/Elsewhere", account + "/Broken", account + "/HalfWay", account + "/Robot"} {
		b.post(consentPath, p.with("decision", "allow", "assignment", role)).want(t, 403, "Allow access?")
	}
	s.addResource(t, "444455556666")
	p = b.get(ask(client, agentURI))
	for _, role := range []string{account + "/Agent", "444455556666/Elsewhere"} {
		if !strings.Contains(p.body, `value="`+role+`"`) {
			t.Errorf("%s is not to choose", role)
		}
	}
	if strings.Contains(p.body, "Developer") {
		t.Error("a role that may not use the resource is to choose")
	}
	s.browser().signInAs(t, "carol", ask(client, agentURI)).want(t, 403, "No role to choose")
	// Whoever is asked why finds the person under the request id that the page shows.
	if err := s.last.Record.Err; err == nil || !strings.Contains(err.Error(), "carol") {
		t.Errorf("the record says %v, want that carol has no role", err)
	}
	// And the role for the resource is no role for the command line.
	if p := s.browser().signInAs(t, "bob", begin()); strings.Contains(p.body, "Agent") {
		t.Error("the role for the resource is offered to the AWS CLI")
	}
}

// Attack: while the page is open, the resource is taken away, or its client's registration ends. Allowing gives nothing.
func TestWhatWasTakenAwayMeanwhileIsNotGiven(t *testing.T) {
	s := withResource(t)
	client := s.registered(t, "x", agentURI)
	b := s.browser()
	p := b.signInAs(t, "bob", ask(client, agentURI))
	must(t, s.store.RemoveResource(t.Context(), account, resource))
	b.post(consentPath, p.with("decision", "allow")).want(t, 403, "No role to choose")
	if p := b.get(ask(client, agentURI)); p.location(t).Query().Get("error") != "invalid_target" {
		t.Errorf("asked again: %q, want error=invalid_target", p.Header().Get("Location"))
	}
}

// Whoever decides must see that the name is only what the program calls itself, what it is for, where the answer goes, and
// when it is over.
func TestConsentPageSaysWhatIsKnownAndWhatIsNot(t *testing.T) {
	s := withResource(t)
	text := func(p page) string {
		return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(p.body, ""))
	}
	for name, uri := range map[string]string{
		`AWS <script>alert(1)</script>`: "https://claude.ai/cb", "Editor": "vscode://publisher.extension/cb", "": agentURI,
	} {
		client := s.registered(t, name, uri)
		b := s.browser()
		signIn := b.get(ask(client, uri)).want(t, 200, "Sign in")
		p := b.signInAs(t, "bob", ask(client, uri)).want(t, 200, "Allow access?")
		verified := "Nobody has verified this name."
		if name == "" {
			verified = "Nobody knows which program this is."
		}
		want := []string{verified, resource, "12 hours", "22 November 2026, 09:05 UTC", map[string]string{
			"https://claude.ai/cb": "https://claude.ai", "vscode://publisher.extension/cb": "opens vscode: links", agentURI: "127.0.0.1, port 41753",
		}[uri]}
		for _, page := range []page{signIn, p} {
			if name != "" && !strings.Contains(text(page), "a program that calls itself “"+clients.CleanName(name)+"”") {
				t.Errorf("%q: the page does not say what the program calls itself:\n%s", name, text(page))
			}
			if name == "" && !strings.Contains(text(page), "a program that gave no name") {
				t.Errorf("the page does not say that the program gave no name:\n%s", text(page))
			}
			if strings.Contains(page.body, "<script>") {
				t.Errorf("%q gets into the page", name)
			}
		}
		for _, s := range want {
			if !strings.Contains(text(p), s) {
				t.Errorf("%q: the consent page does not say %q:\n%s", name, s, text(p))
			}
		}
	}
	// Of a client that an operator added, no such thing is said.
	if p := s.browser().signInAs(t, "bob", begin("client_id", appID, "redirect_uri", appURI)); strings.Contains(p.body, "unverified") || strings.Contains(p.body, "calls itself") {
		t.Errorf("a registered client is shown as unverified:\n%s", p.body)
	}
}

// A link that opens a program leaves the window as it is, so a page takes the place of a redirect: after yes, after no, and
// when the request was wrong.
func TestProgramsAreOpenedByAPage(t *testing.T) {
	s := withResource(t)
	const uri = "cursor://anysphere.cursor-mcp/oauth/callback"
	client := s.registered(t, "Cursor", uri)
	b := s.browser()
	p := b.signInAs(t, "bob", ask(client, uri)).want(t, 200, "Allow access?")
	if csp := p.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self';") {
		t.Errorf("policy of the consent page is %q", csp)
	}
	link := func(p page) *url.URL {
		t.Helper()
		m := regexp.MustCompile(`id="open" class="button" href="([^"]*)" autofocus`).FindStringSubmatch(p.body)
		if m == nil {
			t.Fatalf("the page has no link:\n%s", p.body)
		}
		target := html.UnescapeString(m[1])
		if got := p.Header().Get("Refresh"); got != "0; url="+target {
			t.Errorf("Refresh is %q, want the link %q", got, target)
		}
		u, err := url.Parse(target)
		must(t, err)
		if !strings.HasPrefix(target, uri+"?") || u.Query().Get("state") != state || u.Query().Get("iss") != base {
			t.Errorf("the link leads to %q", target)
		}
		return u
	}
	yes := b.post(consentPath, p.with("decision", "allow")).want(t, 200, "Access was allowed")
	if link(yes).Query().Get("code") == "" || yes.Header().Get("Cache-Control") != "no-store" || yes.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("after yes the link is %v, with headers %v", link(yes), yes.Header())
	}
	no := b.post(consentPath, p.with("decision", "deny")).want(t, 200, "Access was not granted")
	if q := link(no).Query(); q.Get("error") != "access_denied" || q.Has("code") {
		t.Errorf("after no the link says %v", q)
	}
	wrong := s.browser().get(ask(client, uri, "resource", "-")).want(t, 200, "Access was not granted")
	if q := link(wrong).Query(); q.Get("error") != "invalid_target" {
		t.Errorf("after a wrong request the link says %v", q)
	}
}

// A page is on its way for a while, and what it says is checked again: the spelling of the way back asks for the same.
func TestDynamicRequestSurvivesTheWayThroughThePages(t *testing.T) {
	s := withResource(t)
	client := s.registered(t, "x", agentURI)
	b := s.browser()
	p := b.get(ask(client, agentURI, "scope", "openid", "state", "https://callback.example/?a=b&c=d"))
	p = b.post(signInPath, p.with("username", "bob", "password", password))
	back := p.location(t)
	for name, want := range map[string]string{
		"client_id": client, "resource": resource, "scope": "openid", "code_challenge_method": "S256", "code_challenge": challenge,
		"redirect_uri": agentURI, "state": "https://callback.example/?a=b&c=d",
	} {
		if got := back.Query().Get(name); got != want {
			t.Errorf("after signing in %s is %q, want %q", name, got, want)
		}
	}
	p = b.get(back.String()).want(t, 200, "Allow access?")
	if auth := s.opened(t, b.post(consentPath, p.with("decision", "allow"))); auth.Scope != signin.ScopeOpenID {
		t.Errorf("the code says scope %q, want openid", auth.Scope)
	}
}

// What a policy can say about a dynamic client: that its sessions may be for a resource only from this client, to this place,
// and not by that grant; and that a client is kept out although the resource is allowed (Service Authorization Reference,
// AWS Sign-In).
func TestPoliciesDecideAboutDynamicClients(t *testing.T) {
	const allow = `{"Effect":"Allow","Action":"signin:*","Resource":"arn:aws:signin:us-east-1:111122223333:service-principal/mcp.example.com"`
	s := withResource(t)
	client, other := s.registered(t, "x", agentURI), s.registered(t, "y", agentURI)
	b := s.browser()
	p := b.signInAs(t, "bob", ask(client, agentURI))
	for _, tt := range []struct {
		name, statements string
		allowed          bool
	}{
		{"this client", allow + `,"Condition":{"StringEquals":{"signin:OAuthClientId":"` + client + `"}}}`, true},
		{"another client", allow + `,"Condition":{"StringEquals":{"signin:OAuthClientId":"` + other + `"}}}`, false},
		{"this place", allow + `,"Condition":{"StringLike":{"signin:OAuthRedirectUri":"http://127.0.0.1:*"}}}`, true},
		{"another place", allow + `,"Condition":{"StringLike":{"signin:OAuthRedirectUri":"https://claude.ai/*"}}}`, false},
		{"clients that prove nothing", allow + `,"Condition":{"StringEquals":{"signin:OAuthClientAuthentication":"none"}}}`, true},
		{"not clients that prove nothing", allow + `},{"Effect":"Deny","Action":"signin:*","Resource":"*","Condition":{"StringEquals":{"signin:OAuthClientAuthentication":"none"}}}`, false},
		{"codes, where the grant is known", allow + `},{"Effect":"Deny","Action":"signin:CreateOAuth2Token","Resource":"*","Condition":{"StringNotEquals":{"signin:OAuthGrantType":"authorization_code"}}}`, true},
		{"no codes", allow + `},{"Effect":"Deny","Action":"signin:CreateOAuth2Token","Resource":"*","Condition":{"StringEquals":{"signin:OAuthGrantType":"authorization_code"}}}`, false},
		{"the client denied", allow + `},{"Effect":"Deny","Action":"signin:AuthorizeOAuth2Access","Resource":"` + client + `"}`, false},
		{"the client denied at the token", allow + `},{"Effect":"Deny","Action":"signin:CreateOAuth2Token","Resource":"` + client + `"}`, false},
		{"another client denied", allow + `},{"Effect":"Deny","Action":"signin:*","Resource":"` + other + `"}`, true},
		{"all dynamic clients denied", allow + `},{"Effect":"Deny","Action":"signin:*","Resource":"arn:aws:signin:us-east-1::external-client/dcr/*"}`, false},
		{"the client allowed, and not the resource", `{"Effect":"Allow","Action":"signin:*","Resource":"` + client + `"}`, false},
		{"from this network", allow + `,"Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`, true},
		// The client is a server somewhere, and is asked about when it comes.
		{"codes for a client in another network", allow + `},{"Effect":"Deny","Action":"signin:CreateOAuth2Token","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"}}}`, true},
		{"from another network", allow + `,"Condition":{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}}`, false},
	} {
		document := `{"Version":"2012-10-17","Statement":[` + tt.statements + `]}`
		must(t, s.store.SetRolePolicy(t.Context(), s.roles[account+"/Agent"].ID, document, false, s.now, s.now.Add(time.Hour)))
		s.pass(t, 2*time.Second)
		w := b.post(consentPath, p.with("decision", "allow", "assignment", account+"/Agent"))
		if got := w.Code == 302; got != tt.allowed {
			t.Errorf("%s: allowed %v (%d), want %v", tt.name, got, w.Code, tt.allowed)
		}
	}
}

// Attack: somebody who hears that a policy is about to be taken from them clicks Allow in the same second. The code says that
// it knows of the change, so no notice would end its session: what was remembered for the page must not approve it.
func TestAPolicyThatChangedASecondAgoDoesNotApprove(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	p := b.signInAs(t, "bob", begin())
	must(t, s.store.SetRolePolicy(t.Context(), s.roles[account+"/Developer"].ID, denyAll, true, s.now, s.now.Add(time.Hour)))
	if w := b.post(consentPath, p.with("decision", "allow", "assignment", account+"/Developer")); w.Code != 403 {
		t.Errorf("status %d to %q, want 403", w.Code, w.Header().Get("Location"))
	}
}

// The same keys are there for the clients that there were before.
func TestPoliciesKnowTheKeysOfOtherClients(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	devtools, app := b.signInAs(t, "bob", begin()), b.get(begin("client_id", appID, "redirect_uri", appURI))
	for condition, want := range map[string][2]bool{
		`"StringEquals":{"signin:OAuthClientId":"` + signin.SameDevice + `"}`:                     {true, false},
		`"StringEquals":{"signin:OAuthClientId":"` + appID + `"}`:                                 {false, true},
		`"StringEquals":{"signin:OAuthRedirectUri":"` + callback + `"}`:                           {true, false},
		`"StringEquals":{"signin:OAuthClientAuthentication":"none"}`:                              {true, false},
		`"Null":{"signin:OAuthClientAuthentication":"true"}`:                                      {false, true},
		`"StringEqualsIfExists":{"signin:OAuthGrantType":["authorization_code","refresh_token"]}`: {true, true},
		// Nobody asks again at a refresh, so who may not refresh is not let in.
		`"StringEqualsIfExists":{"signin:OAuthGrantType":"authorization_code"}`: {false, false},
		`"StringEqualsIfExists":{"signin:OAuthGrantType":"refresh_token"}`:      {false, false},
	} {
		document := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{` + condition + `}}}`
		must(t, s.store.SetRolePolicy(t.Context(), s.roles[account+"/Developer"].ID, document, false, s.now, s.now.Add(time.Hour)))
		s.pass(t, 2*time.Second)
		for i, p := range []page{devtools, app} {
			w := b.post(consentPath, p.with("decision", "allow", "assignment", account+"/Developer"))
			if got := w.Code == 302; got != want[i] {
				t.Errorf("%s, client %d: allowed %v (%d), want %v", condition, i, got, w.Code, want[i])
			}
		}
	}
}

func TestExpiredPageOfDynamicClientSaysWhereToBegin(t *testing.T) {
	s := withResource(t)
	b := s.browser()
	p := b.signInAs(t, "bob", ask(s.registered(t, "x", agentURI), agentURI))
	s.pass(t, 31*time.Minute)
	p = b.post(consentPath, p.with("decision", "allow")).want(t, 400, "This page has expired")
	if !strings.Contains(p.body, "begin there again") || strings.Contains(p.body, "aws login") {
		t.Errorf("the page says:\n%s", p.body)
	}
}

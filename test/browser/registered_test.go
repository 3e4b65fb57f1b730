package browser

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const (
	// sampleResource is the resource of the sample account.
	sampleResource = "http://127.0.0.1:9000/mcp"
	// editorURI is opened by a program and not by the browser.
	editorURI = "vscode://publisher.extension/oauth/callback"
	// longName is as long as the server keeps names, in one word.
	longName = "Antidisestablishmentarianism-Pneumonoultramicroscopicsilicovolca"
)

// registered is a program that registered itself under a name, and is sent to uri.
func registered(t *testing.T, s *server, name, uri string) *program {
	t.Helper()
	p := plainProgram(t, s, "")
	p.redirect, p.resource = uri, sampleResource
	p.register(t, name)
	return p
}

// register registers the program with its redirect URI (CreateOAuth2PublicClient).
func (p *program) register(t *testing.T, name string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"client_name": name, "redirect_uris": []string{p.redirect}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(p.base+"/v1/register", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var client struct {
		ID string `json:"client_id"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&client); err != nil || client.ID == "" {
		t.Fatalf("register %s: %s, %v", p.redirect, answer.Status, err)
	}
	p.client = client.ID
}

// tokens sends a form to the token endpoint and returns the answer.
func (p *program) tokens(t *testing.T, form url.Values) map[string]any {
	t.Helper()
	form.Set("client_id", p.client)
	answer, err := http.PostForm(p.base+"/v1/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var members map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&members); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("POST /v1/token = %s %v, %v", answer.Status, members, err)
	}
	return members
}

// opened waits until the page has tried to open its program, and returns the link that it tried. There is no such program here.
func (b *tab) opened() (link string) {
	b.t.Helper()
	b.wait("the page that opens the program", `document.readyState === "complete" && !!document.querySelector("#open")`)
	link = eval[string](b, `document.querySelector("#open").href`)
	b.until("the page leads to the program", func() bool { return b.led(link) == 1 })
	return link
}

// TestConsentSaysThatANameIsUnverified: anybody can register a program under any name. Who says yes must read that, what it is
// for, where the answer goes and when it is over; and then the program has tokens for that, and for nothing else.
func TestConsentSaysThatANameIsUnverified(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), plainProgram(t, s, "")
	p.listen(t, "/callback")
	p.resource = sampleResource
	p.register(t, "Helpful <b>Agent</b>")
	b.start(p)
	b.says("a program that calls itself “Helpful <b>Agent</b>”")
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.says("A program that calls itself “Helpful <b>Agent</b>” asks to use "+sampleResource+" in your name for up to 12 hours",
		"Nobody has verified this name.", "This computer (127.0.0.1, port", "Signed in as alice", "Ends by")
	b.choose("ReadOnly")
	b.click("#allow")
	b.see(callbackHeading)
	answer := p.answer(t)
	if answer.Get("iss") != s.base {
		t.Errorf("callback with %v, want the iss %s (RFC 9207)", answer, s.base)
	}
	got := p.tokens(t, url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "code_verifier": {p.verifier}, "redirect_uri": {p.redirect}, "resource": {p.resource},
	})
	refresh, _ := got["refresh_token"].(string)
	if access, _ := got["access_token"].(string); !strings.HasPrefix(access, "ASOA") || !strings.HasPrefix(refresh, "ASOR") || got["token_type"] != "Bearer" {
		t.Errorf("tokens = %v", got)
	}
	p.tokens(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
}

// TestLinkOpensTheProgram: where the answer goes to a program that opens links, a redirect would leave the form in the window.
// The page that comes instead opens the program by itself, and by its link, which has the keyboard.
func TestLinkOpensTheProgram(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), registered(t, s, "Editor", editorURI)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.says("A program on this computer that opens vscode: links")
	b.click("#allow")
	b.see("Access was allowed")
	link := b.opened()
	to, err := url.Parse(link)
	if err != nil || !strings.HasPrefix(link, editorURI+"?code=") || to.Query().Get("state") != p.state || to.Query().Get("iss") != s.base {
		t.Errorf("the link is %q, want %s with code, state and iss", link, editorURI)
	}
	b.hasKeyboard("open")
	b.press(kb.Enter)
	b.until("the link leads to the program", func() bool { return b.led(link) == 2 })
	b.see("Access was allowed")
	p.tokens(t, url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "code_verifier": {p.verifier}, "redirect_uri": {p.redirect},
	})
}

// TestRegisteredProgramHearsOfNo: also one that is opened by a link.
func TestRegisteredProgramHearsOfNo(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), registered(t, s, "Editor", editorURI)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.click("#deny")
	b.see("Access was not granted")
	if link := b.opened(); !strings.HasPrefix(link, editorURI+"?error=access_denied&") {
		t.Errorf("the link is %q, want error=access_denied", link)
	}
}

package browser

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestBackAfterAllowAsksAgain: whoever goes back sees the consent page, not a password form and not an error, and can
// say yes once more.
func TestBackAfterAllowAsksAgain(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.click("#allow")
	b.see(callbackHeading)
	first := p.code(t)

	b.do("go back", back)
	b.see("Allow access?")
	p.unanswered(t)
	b.click("#allow")
	b.see(callbackHeading)
	second := p.code(t)
	if first == second {
		t.Error("saying yes twice gave the same code twice")
	}
	p.wantSession(t, second, "Developer", alice)
}

// TestBackAfterSignInAsksForNoPassword: what comes before the consent page in the history is not the password form.
func TestBackAfterSignInAsksForNoPassword(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.open(s.base)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	for range 5 {
		if !eval[bool](b, `navigation.canGoBack && !navigation.currentEntry.url.endsWith("/")`) {
			break
		}
		b.follow(func() { b.do("go back", back) })
		if b.has("#password") {
			t.Fatalf("back from the consent page leads to a password form at %s", b.address())
		}
	}
	if !strings.HasSuffix(b.address(), s.base+"/") {
		t.Errorf("back from the consent page leads to %s, want the page before", b.address())
	}
}

// TestReloadSendsNothingTwice: reloading the consent page shows it again, and sends no password again.
func TestReloadSendsNothingTwice(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.follow(func() { b.do("reload", reload) })
	b.see("Allow access?")
	if got := len(b.sent("/sign-in")); got != 1 {
		t.Errorf("the password was sent %d times, want once", got)
	}
	b.click("#allow")
	p.wantSession(t, p.code(t), "Developer", alice)
}

// TestDoubleClickOnSignInSignsIn: the second click comes while the first is being answered.
func TestDoubleClickOnSignInSignsIn(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.see("Sign in")
	b.fill("#username", alice)
	b.fill("#password", s.password)
	b.clickTwice("#sign-in", "/sign-in")
	b.see("Allow access?")
	if got := len(b.sent("/sign-in")); got != 2 {
		t.Errorf("the form was sent %d times, want 2 for this test to mean something", got)
	}
	b.click("#allow")
	p.wantSession(t, p.code(t), "Developer", alice)
}

// TestDoubleClickOnAllowGivesOneSession: however often one page is sent, its codes are good for one session at most.
func TestDoubleClickOnAllowGivesOneSession(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.clickTwice("#allow", "/consent")
	b.see(callbackHeading)
	sent := b.sent("/consent")
	if len(sent) != 2 {
		t.Fatalf("the form was sent %d times, want 2 for this test to mean something", len(sent))
	}
	codes := []string{p.code(t)}

	// The browser drops the answer to the click that it gave up. Somebody who sees all answers has a code for each.
	for _, form := range sent {
		codes = append(codes, b.resend(form).Get("code"))
	}
	good := 0
	for _, code := range codes {
		if _, err := p.redeem(t.Context(), code); err == nil {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d of the %d codes of one page were redeemed, want 1", good, len(codes))
	}
}

// TestPageOfAnotherTimeSaysSo: a page stays open while the server is set up anew, so that nothing in it can be read any
// more. The same page tells of one that was open for more than half an hour; that span is no setting, so it is tried
// where time is not real.
func TestPageOfAnotherTimeSaysSo(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	p := newProgram(t, s)
	signIn, consent := newTab(t, s), newTab(t, s)
	signIn.start(p)
	signIn.see("Sign in")
	consent.start(p)
	consent.signIn(alice, s.password)
	consent.see("Allow access?")

	s.startAfresh(t)
	signIn.signIn(alice, s.password)
	signIn.see("This page has expired")
	signIn.says("run aws login again")
	consent.click("#allow")
	consent.see("This page has expired")
	consent.says("run aws login again")
	p.unanswered(t)
}

// reload asks for the page again, sending a form again where one led to it.
func reload(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, t, page.Reload, page.ReloadParams{})
	return chromedp.Void{}, err
}

// back presses the back button.
func back(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	history, err := cdp.Call(ctx, t, page.GetNavigationHistory, cdp.Empty{})
	if err == nil && history.CurrentIndex > 0 {
		_, err = cdp.Call(ctx, t, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{
			EntryID: history.Entries[history.CurrentIndex-1].ID,
		})
	}
	return chromedp.Void{}, err
}

// slowDown makes every answer take at least so many milliseconds.
func (b *tab) slowDown(milliseconds float64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Latency: milliseconds, DownloadThroughput: -1, UploadThroughput: -1}},
	})
	if err != nil {
		b.t.Fatalf("slow the network down: %v", err)
	}
}

// clickTwice clicks an element, and again while the form that it sends to path is being answered, which takes a while.
func (b *tab) clickTwice(selector, path string) {
	b.t.Helper()
	b.slowDown(400)
	x, y := b.spot(selector)
	click := chromedp.MouseClickXY(x, y)
	b.do("click "+selector, click)
	for deadline := time.Now().Add(patience); len(b.sent(path)) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("no form came to %s after a click on %s", path, selector)
		}
	}
	b.do("click "+selector+" again", click)
}

// resend sends a form that the tab has sent, with the tab's cookies, and returns the query that the answer leads to.
func (b *tab) resend(form post) url.Values {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.ctx, http.MethodPost, form.url, strings.NewReader(form.body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	jar, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{form.url}})
	if err != nil {
		b.t.Fatalf("cookies of %s: %v", form.url, err)
	}
	for _, c := range jar.Cookies {
		request.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	to, err := response.Location()
	if err != nil {
		text, _ := io.ReadAll(response.Body)
		b.t.Fatalf("POST %s again = %s without a place to go: %v\n%.300s", form.url, response.Status, err, text)
	}
	return to.Query()
}

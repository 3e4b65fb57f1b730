package browser

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a tab of the browser, with a person in front of it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	allowed    []string // origins that the tab may ask for something
	documents  []string // URLs that were asked for as a page
	foreign    []string // URLs under other origins that something was asked for
	complaints []string // what the browser wrote into its console, and what did not load
	posts      []post   // forms that were sent
	wanted     []string // URLs that a page wanted to lead to, whether or not anything opens them
}

// post is a form that the browser sent.
type post struct{ url, body string }

// newTab opens a tab of a browser that was never used before: no cookies, no history.
//
// When the test ends, it fails if anything was asked for outside the server and the origins that the tab was led to, if
// the browser complained in its console (a violation of the Content-Security-Policy, a script error), or if part of a
// page did not load.
func newTab(t *testing.T, s *server) *tab {
	t.Helper()
	return openTab(t, chromium, []string{s.base}, chromedp.WithNewBrowserContext())
}

// another opens a second tab of the same browser, with the same cookies.
func (b *tab) another() *tab {
	b.t.Helper()
	return openTab(b.t, b.ctx, slices.Clone(b.allowed))
}

func openTab(t *testing.T, parent context.Context, allowed []string, options ...chromedp.ContextOption) *tab {
	t.Helper()
	b := &tab{t: t, allowed: allowed}
	ctx, cancel := chromedp.NewContext(parent, options...)
	b.ctx = ctx
	t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, u := range b.foreign {
			t.Errorf("the browser asked for %s, want nothing from outside the server and the program", u)
		}
		for _, c := range b.complaints {
			t.Errorf("the browser complained: %s", c)
		}
	})
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	// Several tabs are in use at a time; each behaves as if it were the one in front.
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatalf("focus the tab: %v", err)
	}
	return b
}

// hear notes what the browser tells of the tab. It must not ask the browser anything.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *page.EventFrameRequestedNavigation:
		b.wanted = append(b.wanted, e.URL)
	case *network.EventRequestWillBeSent:
		b.noteLocked(e)
	case *network.EventResponseReceived:
		if e.Type != network.ResourceTypeDocument && e.Response.Status >= 400 && b.isAllowedLocked(e.Response.URL) {
			b.complaints = append(b.complaints, fmt.Sprintf("%s did not load: status %d", e.Response.URL, e.Response.Status))
		}
	case *cdplog.EventEntryAdded:
		// Of a page with an error status the console says that it failed to load. That status is as it should be.
		isPage := e.Entry.Source == cdplog.EntrySourceNetwork && slices.Contains(b.documents, e.Entry.URL)
		// A page may open a program once after each click in the whole browser, so a test beside this one may have been first.
		wasSecond := strings.HasPrefix(e.Entry.Text, "Not allowed to launch") && strings.HasSuffix(e.Entry.Text, "because a user gesture is required.")
		if !isPage && !wasSecond && e.Entry.Level != cdplog.EntryLevelVerbose {
			b.complaints = append(b.complaints, e.Entry.Source.String()+": "+e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, "a script wrote to the console")
	}
}

func (b *tab) noteLocked(e *network.EventRequestWillBeSent) {
	u := e.Request.URL
	if e.Type == network.ResourceTypeDocument {
		b.documents = append(b.documents, u)
	}
	if e.Request.Method == "POST" && e.RedirectResponse == nil {
		sent := post{url: u}
		for _, entry := range e.Request.PostDataEntries {
			sent.body += string(entry.Bytes)
		}
		b.posts = append(b.posts, sent)
	}
	if !b.isAllowedLocked(u) {
		b.foreign = append(b.foreign, u)
	}
}

// isAllowedLocked takes data: to be within the page; the browser's own pages of errors are full of it.
func (b *tab) isAllowedLocked(u string) bool {
	if strings.HasPrefix(u, "data:") {
		return true
	}
	return slices.ContainsFunc(b.allowed, func(origin string) bool { return u == origin || strings.HasPrefix(u, origin+"/") })
}

// allow lets the tab ask for something under the origin of a URL.
func (b *tab) allow(address string) {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allowed = append(b.allowed, u.Scheme+"://"+u.Host)
}

// complained tells whether the browser has complained with these words, and takes the complaint back.
func (b *tab) complained(words string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.complaints)
	b.complaints = slices.DeleteFunc(b.complaints, func(c string) bool { return strings.Contains(c, words) })
	return len(b.complaints) < before
}

// sent returns the forms that were sent to path.
func (b *tab) sent(path string) []post {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []post
	for _, p := range b.posts {
		if u, err := url.Parse(p.url); err == nil && u.Path == path {
			out = append(out, p)
		}
	}
	return out
}

// led returns how often pages wanted to lead to url.
func (b *tab) led(url string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, w := range b.wanted {
		if w == url {
			n++
		}
	}
	return n
}

package browser

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// open types an address into the tab, and waits until the page is there. Where the page before is still on its way,
// Chromium may take the end of that for an end of this, which it calls ERR_ABORTED; then the address is typed once more.
func (b *tab) open(address string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Navigate(address))
	if err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") {
		err = chromedp.Do(ctx, chromedp.Navigate(address))
	}
	if err != nil {
		b.t.Fatalf("open %s: %v", address, err)
	}
}

// start opens the link of a program.
func (b *tab) start(p *program) {
	b.t.Helper()
	b.allow(p.redirect)
	b.open(p.link())
}

// do runs one step in the browser.
func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// eval returns the value of a JavaScript expression. It works also where the page may run no scripts.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

// quote spells s as JavaScript.
func quote(s string) string {
	text, _ := json.Marshal(s) // a string always marshals
	return string(text)
}

// wait returns when the expression is true. A page that is just being replaced answers with an error, so errors mean not
// yet.
func (b *tab) wait(what, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!!(`+expression+`)`))
		if err == nil && is {
			return
		}
		select {
		case <-time.After(15 * time.Millisecond):
		case <-ctx.Done():
			b.t.Fatalf("waited %v for %s; last error %v; now at %s:\n%s", patience, what, err, b.address(), b.text())
		}
	}
}

// until waits for what the browser does beside the page.
func (b *tab) until(what string, is func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(15 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited %v until %s; now at %s:\n%s", patience, what, b.address(), b.text())
		}
	}
}

// see waits for a page that is loaded and has the heading.
func (b *tab) see(heading string) {
	b.t.Helper()
	b.wait("a page with the heading "+heading, `document.readyState === "complete" && document.querySelector("h1")?.innerText === `+quote(heading))
}

// follow does something that leads to another page, and waits until that is there, also if it looks the same.
func (b *tab) follow(what func()) {
	b.t.Helper()
	eval[bool](b, `window.wasHere = true`)
	what()
	b.wait("the next page", `!window.wasHere && document.readyState === "complete"`)
}

// address returns what the address bar shows.
func (b *tab) address() string { return eval[string](b, `location.href`) }

// text returns what the page says.
func (b *tab) text() string { return eval[string](b, `document.body ? document.body.innerText : ""`) }

// says fails the test unless the page has all of these words.
func (b *tab) says(words ...string) {
	b.t.Helper()
	text := b.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Errorf("the page at %s does not say %q:\n%s", b.address(), w, text)
		}
	}
}

// part returns what the element says.
func (b *tab) part(selector string) string {
	b.t.Helper()
	return eval[string](b, `document.querySelector(`+quote(selector)+`)?.innerText ?? "(no `+selector+`)"`)
}

// has tells whether the page shows the element.
func (b *tab) has(selector string) bool {
	b.t.Helper()
	return eval[bool](b, `!!document.querySelector(`+quote(selector)+`)?.checkVisibility()`)
}

// focused returns the id of the element that has the keyboard.
func (b *tab) focused() string {
	return eval[string](b, `document.activeElement?.id || document.activeElement?.tagName || ""`)
}

// hasKeyboard waits until the page has given the keyboard to the element, which it does a moment after it was loaded.
func (b *tab) hasKeyboard(id string) {
	b.t.Helper()
	b.wait("the keyboard at "+id, `document.activeElement?.id === `+quote(id))
}

// spot waits for an element that can be clicked, brings it into view and returns where it is.
func (b *tab) spot(selector string) (x, y float64) {
	b.t.Helper()
	b.wait("something to click at "+selector, `(() => {
		const e = document.querySelector(`+quote(selector)+`);
		if (document.readyState !== "complete" || !e?.checkVisibility() || e.disabled) return false;
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getBoundingClientRect();
		const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
		return top && (e === top || e.contains(top) || top.contains(e));
	})()`)
	at := eval[[]float64](b, `(() => { const r = document.querySelector(`+quote(selector)+`).getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2]; })()`)
	return at[0], at[1]
}

// click clicks the middle of an element.
func (b *tab) click(selector string) {
	b.t.Helper()
	x, y := b.spot(selector)
	b.do("click "+selector, chromedp.MouseClickXY(x, y))
}

// press presses keys one after the other; package kb has those that are no letters.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do("press keys", chromedp.KeyEvent(keys))
}

// fill replaces what is in a field.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.click(selector)
	eval[bool](b, `document.querySelector(`+quote(selector)+`).select() ?? true`)
	b.press(text)
}

// signIn fills in the sign-in page and sends it.
func (b *tab) signIn(name, password string) {
	b.t.Helper()
	b.see("Sign in")
	b.fill("#username", name)
	b.fill("#password", password)
	b.follow(func() { b.click("#sign-in") })
}

// choose chooses a role of the sample account on the consent page.
func (b *tab) choose(role string) {
	b.t.Helper()
	b.see("Allow access?")
	b.click(`input[name=assignment][value="` + account + `/` + role + `"]`)
}

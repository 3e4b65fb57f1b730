package browser

import (
	"encoding/base64"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestRemoteCodeIsShownAndCopied: the Copy button copies what the program on the other device can redeem.
func TestRemoteCodeIsShownAndCopied(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newRemoteProgram(t, s)
	b.start(p)
	b.see("Sign in")
	b.says("A program on another device is waiting.")
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.says("A program on another device is waiting.", "AWS CLI or SDK on another device", "you carry a code")
	b.choose("ReadOnly")
	b.click("#allow")
	b.see("Copy your code")
	b.says("aws login --remote", "10 minutes", alice, "ReadOnly", account)

	clipboard.Lock()
	defer clipboard.Unlock()
	b.click("#copy")
	b.wait("a word that it was copied", `document.querySelector("#copied[role=status]").innerText === "Copied."`)
	copied := b.pasted()
	if shown := eval[string](b, `document.querySelector("#verification-code").value`); copied != shown {
		t.Errorf("the clipboard holds %q, want %q as shown", copied, shown)
	}
	p.wantSession(t, p.carried(t, copied), "ReadOnly", alice)
}

// TestRemoteWorksWithoutScripts: there is no Copy button then, and the code is selected and copied by keyboard.
func TestRemoteWorksWithoutScripts(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newRemoteProgram(t, s)
	b.scripts(false)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.click("#allow")
	b.see("Copy your code")
	if b.has("#copy") {
		t.Error("the page shows a Copy button that cannot work, want none")
	}
	clipboard.Lock()
	defer clipboard.Unlock()
	b.click("#verification-code")
	b.chord("a", "selectAll")
	b.chord("c", "copy")
	b.scripts(true)
	p.wantSession(t, p.carried(t, b.pasted()), "Developer", alice)
}

// TestFieldSelectsCodeOnFocus: whoever comes to the field by mouse or keyboard has all of it selected.
func TestFieldSelectsCodeOnFocus(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newRemoteProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.click("#allow")
	b.see("Copy your code")
	const selected = `(() => { const e = document.querySelector("#verification-code"); return e.selectionStart === 0 && e.selectionEnd === e.value.length; })()`
	for name, focus := range map[string]func(){
		"a click": func() { b.click("#verification-code") },
		"the keyboard": func() {
			for range 10 {
				if b.press(kb.Tab); b.focused() == "verification-code" {
					return
				}
			}
		},
	} {
		eval[bool](b, `(document.activeElement.blur(), document.querySelector("#verification-code").setSelectionRange(0, 0), true)`)
		focus()
		if b.focused() != "verification-code" || !eval[bool](b, selected) {
			t.Errorf("after %s the focus is on %s and all is selected: %v, want verification-code and true", name, b.focused(), eval[bool](b, selected))
		}
	}
}

// TestRemoteDenyIsReadable: no program hears of it, so the page says what to do.
func TestRemoteDenyIsReadable(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newRemoteProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.click("#deny")
	b.see("Access was not granted")
	b.says("No code was made.", "Ctrl+C")
	if b.has("#verification-code") {
		t.Error("the page after Deny shows a code")
	}
}

// TestRemoteCodeExpiresOnThePage: a page that was left open does not offer a code that no longer works.
func TestRemoteCodeExpiresOnThePage(t *testing.T) {
	t.Parallel()
	s := start(t, "lifetimes: {code_cross_device: 3s}\n")
	b, p := newTab(t, s), newRemoteProgram(t, s)
	b.start(p)
	b.signIn(alice, s.password)
	b.see("Allow access?")
	b.click("#allow")
	b.see("Copy your code")
	for deadline := time.Now().Add(patience); b.has("#verification-code") && time.Now().Before(deadline); {
		b.follow(func() { b.do("reload", reload) })
	}
	b.see("This code has expired")
	b.says("aws login --remote")
}

// TestConfirmationShowsNothingOfOthers: anybody can make a link to the page, so what the link says is not repeated.
func TestConfirmationShowsNothingOfOthers(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b := newTab(t, s)
	for _, query := range []string{
		"code=YOU-HAVE-WON&state=YOU-HAVE-WON",
		"error=YOU-HAVE-WON&error_description=YOU-HAVE-WON&state=YOU-HAVE-WON",
		"code=YOU-HAVE-WON&error=YOU-HAVE-WON",
		"",
	} {
		b.open(s.base + "/v1/sessions/confirmation?" + query)
		if !b.has("[role=alert]") || b.has("#verification-code") {
			t.Errorf("confirmation page of %q: no alert, or a code", query)
		}
		if text := b.text(); strings.Contains(text, "YOU-HAVE-WON") {
			t.Errorf("confirmation page of %q repeats it:\n%s", query, text)
		}
	}
}

// carried returns the code in a verification code, as the CLI and Tools for PowerShell read it.
func (p *program) carried(t *testing.T, verification string) string {
	t.Helper()
	text, err := base64.StdEncoding.Strict().DecodeString(verification)
	if err != nil {
		t.Fatalf("verification code %q: %v", verification, err)
	}
	query, err := url.ParseQuery(string(text))
	if err != nil || query.Get("state") != p.state || query.Get("code") == "" {
		t.Fatalf("verification code holds %q (%v), want the state %s and a code", text, err, p.state)
	}
	return query.Get("code")
}

// clipboard is held by a test that copies something: the browser has one clipboard for all tabs.
var clipboard sync.Mutex

// pasted returns what is in the clipboard.
func (b *tab) pasted() string {
	b.t.Helper()
	c := chromedp.FromContext(b.ctx)
	_, err := chromedp.CallBrowser(b.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
		BrowserContextID: c.BrowserContextID,
	})
	if err != nil {
		b.t.Fatalf("permit reading the clipboard: %v", err)
	}
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("read the clipboard: %v", err)
	}
	return text
}

// scripts lets pages run scripts, or not.
func (b *tab) scripts(on bool) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	if err != nil {
		b.t.Fatalf("switch scripts: %v", err)
	}
}

// chord presses Ctrl and a letter, which means the editing command.
func (b *tab) chord(letter, command string) {
	b.t.Helper()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		_, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{
			Type: kind, Key: letter, Code: "Key" + strings.ToUpper(letter), Modifiers: int64(chromedp.ModifierCtrl),
			WindowsVirtualKeyCode: int64(strings.ToUpper(letter)[0]), Commands: []string{command},
		})
		if err != nil {
			b.t.Fatalf("press Ctrl+%s: %v", letter, err)
		}
	}
}

package browser

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestSignInByKeyboardAlone: from the link to the code without a mouse, always seeing where the keyboard is.
func TestSignInByKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b, p := newTab(t, s), newProgram(t, s)
	b.media("light")
	b.start(p)
	b.see("Sign in")
	b.hasKeyboard("username")
	b.press(alice)
	b.press(kb.Tab)
	b.press(s.password)
	b.showsFocus()
	b.follow(func() { b.press(kb.Enter) })

	b.see("Allow access?")
	b.tabTo("the first role", `document.activeElement.type === "radio"`)
	b.press(kb.ArrowDown)
	b.showsFocus()
	if got := eval[string](b, `document.activeElement.value`); got != account+"/ReadOnly" {
		t.Errorf("the arrow key leads to the role %q, want ReadOnly", got)
	}
	b.tabTo("the button", `document.activeElement.id === "allow"`)
	b.press(kb.Enter)
	p.wantSession(t, p.code(t), "ReadOnly", alice)
}

// TestEveryStopOfTheKeyboardIsVisible, in the order in which the page reads.
func TestEveryStopOfTheKeyboardIsVisible(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	who := populate(t, s)
	for _, v := range views {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			b := newTab(t, s)
			v.way(b, s, who)
			b.see(v.heading)
			eval[bool](b, `(document.body.prepend(window.beginning = document.createElement("span")), window.beginning.tabIndex = -1, true)`)
			want := eval[int](b, `[...document.querySelectorAll("a, button, input:not([type=hidden]):not([type=radio]), input:checked, textarea")].filter(e => e.checkVisibility()).length`)
			for _, scheme := range []string{"light", "dark"} {
				b.media(scheme)
				eval[bool](b, `(window.beginning.focus(), window.stops = [], true)`)
				for range want {
					b.press(kb.Tab)
					eval[bool](b, `window.stops.push(document.activeElement) > 0`)
					b.showsFocus()
				}
				inOrder := eval[bool](b, `window.stops.every((e, i) => !i || window.stops[i - 1].compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)`)
				if got := eval[int](b, `new Set(window.stops).size`); got != want || !inOrder {
					t.Errorf("%s: the Tab key stops at %d places, in the order of the page: %v; want %d and true", scheme, got, inOrder, want)
				}
			}
		})
	}
}

// tabTo presses the Tab key until the expression is true.
func (b *tab) tabTo(what, expression string) {
	b.t.Helper()
	for range 12 {
		b.press(kb.Tab)
		b.showsFocus()
		if eval[bool](b, expression) {
			return
		}
	}
	b.t.Fatalf("the Tab key does not lead to %s; the keyboard is at %s", what, b.focused())
}

// showsFocus fails the test unless a person sees where the keyboard is: an outline of two pixels that stands out from
// what is around it (WCAG 2.4.7, 1.4.11).
func (b *tab) showsFocus() {
	b.t.Helper()
	type ring struct {
		On, Style string
		Width     float64
		Ratio     float64
	}
	got := eval[ring](b, `(() => {
		let e = document.activeElement;
		if (getComputedStyle(e).outlineStyle === "none") e = e.closest("label") ?? e; // a choice is framed as a whole
		const s = getComputedStyle(e);
		return {on: e.outerHTML.slice(0, 80), style: s.outlineStyle, width: parseFloat(s.outlineWidth), ratio: `+contrastScript+`.outline(e)};
	})()`)
	if got.Style == "none" || got.Width < 2 || got.Ratio < fieldContrast {
		b.t.Errorf("the keyboard is at %+v, want an outline of at least 2 pixels and a contrast of %.1f", got, fieldContrast)
	}
}

package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// pictures is where the pictures of the pages are left, for people to look at. Git ignores the folder.
const pictures = "../../artifacts/screenshots"

// TestEveryPage holds each page to what a person may expect who sees badly, has a small screen, or hears the page.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	who := populate(t, s)
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, v := range views {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			b := newTab(t, s)
			v.way(b, s, who)
			b.see(v.heading)
			b.isWellFormed()
			b.isAnnounced()
			for _, scheme := range []string{"light", "dark"} {
				b.media(scheme)
				b.isLegible(scheme)
				b.picture(v.name + "-" + scheme)
			}
			b.media("light")
			b.fits()
			b.phone()
			b.picture(v.name + "-phone")
		})
	}
}

// isWellFormed checks the outline of the page.
func (b *tab) isWellFormed() {
	b.t.Helper()
	type outline struct {
		Lang, Title, Heading              string
		Headings, Mains, Headers, Footers int
		Doubles, Orphans, Styled          []string
	}
	got := eval[outline](b, `(() => {
		const all = s => [...document.querySelectorAll(s)], ids = all("[id]").map(e => e.id);
		return {
			lang: document.documentElement.lang, title: document.title, heading: document.querySelector("h1")?.innerText ?? "",
			headings: all("h1").length, mains: all("main").length, headers: all("body > * header, body > header").length, footers: all("footer").length,
			doubles: ids.filter((id, i) => ids.indexOf(id) !== i),
			orphans: all("[for], [aria-describedby], [aria-labelledby]").filter(e =>
				["for", "aria-describedby", "aria-labelledby"].some(n => e.hasAttribute(n) && !e.getAttribute(n).split(" ").every(id => document.getElementById(id)))).map(e => e.outerHTML),
			styled: all("[style], style, [onclick], script:not([src])").map(e => e.outerHTML),
		};
	})()`)
	if got.Lang != "en" || got.Headings != 1 || got.Mains != 1 || got.Headers != 1 || got.Footers != 1 {
		b.t.Errorf("outline = %+v, want the language en and one each of h1, main, header and footer", got)
	}
	if !strings.Contains(got.Title, got.Heading) || !strings.HasSuffix(got.Title, "Latchkey") || got.Heading == "" {
		b.t.Errorf("title = %q with the heading %q, want the heading in it and Latchkey at its end", got.Title, got.Heading)
	}
	if len(got.Doubles)+len(got.Orphans)+len(got.Styled) > 0 {
		b.t.Errorf("ids given twice %q, names of missing ids %q, inline styles or scripts %q; want none", got.Doubles, got.Orphans, got.Styled)
	}
}

// isAnnounced checks what a screen reader has to say of the page.
func (b *tab) isAnnounced() {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		b.t.Fatalf("accessibility tree: %v", err)
	}
	controls := []string{"textbox", "radio", "button", "link", "checkbox", "radiogroup", "group", "heading", "img", "image"}
	landmarks := map[string]int{}
	names := map[string]int{}
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		role, name := spoken(n.Role), spoken(n.Name)
		landmarks[role]++
		if !slices.Contains(controls, role) {
			continue
		}
		if name == "" {
			b.t.Errorf("a %s has no name for a screen reader", role)
		}
		if role == "button" || role == "link" {
			names[role+" "+name]++
		}
	}
	for name, n := range names {
		if n > 1 {
			b.t.Errorf("%d controls are announced as %q, want each by a name of its own", n, name)
		}
	}
	for _, role := range []string{"banner", "main", "contentinfo"} {
		if landmarks[role] != 1 {
			b.t.Errorf("%d landmarks are announced as %s, want 1: %v", landmarks[role], role, landmarks)
		}
	}
	if got, want := landmarks["alert"], b.count("[role=alert]"); got != want {
		b.t.Errorf("%d alerts are announced, want %d", got, want)
	}
}

func spoken(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `"`)
}

func (b *tab) count(selector string) int {
	b.t.Helper()
	return eval[int](b, `document.querySelectorAll(`+quote(selector)+`).length`)
}

// media makes the person one who likes the colour scheme and no motion.
func (b *tab) media(scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	if err != nil {
		b.t.Fatalf("prefer %s: %v", scheme, err)
	}
	b.wait("colours at rest", `document.getAnimations().length === 0`)
}

// fits checks that nothing must be scrolled sideways or is cut off: on the narrowest screens (WCAG 1.4.10), and with
// letters of twice the size (1.4.4). What the keyboard can scroll by itself may.
func (b *tab) fits() {
	b.t.Helper()
	for _, c := range []struct {
		width, letters int64 // pixels, percent
	}{{1280, 100}, {320, 100}, {640, 200}} {
		b.do("narrow the window", chromedp.EmulateViewport(c.width, 640))
		eval[string](b, fmt.Sprintf(`document.documentElement.style.fontSize = "%d%%"`, c.letters))
		if got := eval[int64](b, `document.documentElement.scrollWidth`); got > c.width {
			b.t.Errorf("at %d pixels and %d %% letters the page is %d wide", c.width, c.letters, got)
		}
		cut := eval[[]string](b, `[...document.body.querySelectorAll("*")].filter(e => e.checkVisibility() && e.localName !== "svg" &&
			(e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && getComputedStyle(e).display !== "inline"
				&& !(e.tabIndex >= 0 && getComputedStyle(e).overflowX === "auto")
			|| e.getBoundingClientRect().right > innerWidth + 0.5)).map(e => e.outerHTML.slice(0, 120))`)
		if len(cut) > 0 {
			b.t.Errorf("at %d pixels and %d %% letters this is cut off or sticks out: %q", c.width, c.letters, cut)
		}
	}
	eval[bool](b, `document.documentElement.removeAttribute("style") ?? true`)
	b.do("widen the window", chromedp.ResetViewport())
}

// phone makes the window that of a phone.
func (b *tab) phone() {
	b.t.Helper()
	b.do("take a phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait))
}

// picture leaves a picture of the whole page.
func (b *tab) picture(name string) {
	b.t.Helper()
	image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatalf("picture of %s: %v", name, err)
	}
	if err := os.WriteFile(filepath.Join(pictures, name+".png"), image, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

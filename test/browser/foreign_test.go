package browser

import (
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// attackers are origins that pages of others can have: another port of the same host, whose requests carry the cookies,
// and another site.
var attackers = map[string]string{"another port": "127.0.0.1", "another site": "localhost"}

// TestOthersCannotFrameThePages, or they could lay their own over them and have people click what they do not see.
func TestOthersCannotFrameThePages(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	for name, host := range attackers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p := newTab(t, s), newProgram(t, s)
			b.start(p)
			b.signIn(alice, s.password)
			b.see("Allow access?")

			site := attack(t, host, `<!doctype html><title>x</title><h1>You have won</h1><iframe src="{{.link}}"></iframe>`,
				map[string]any{"link": p.link()})
			b.allow(site)
			b.open(site)
			b.see("You have won")
			tree, err := chromedp.Call(b.ctx, page.GetFrameTree, cdp.Empty{})
			if err != nil {
				t.Fatal(err)
			}
			for _, frame := range tree.FrameTree.ChildFrames {
				if frame.Frame.UnreachableURL != p.link() {
					t.Errorf("the frame shows %s, want that it could not be loaded", frame.Frame.URL)
				}
			}
			if !b.complained("frame-ancestors") && !b.complained("X-Frame-Options") {
				t.Error("the browser did not say that it refused to show the page in a frame")
			}
			p.unanswered(t)
		})
	}
}

// TestOthersCannotSendTheForms: a page of somebody else sends a form here as soon as a person opens it. It knows every
// value of the form. It must not sign the person in as the attacker, nor say yes in their name, nor sign them out.
func TestOthersCannotSendTheForms(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	mallory := s.addPerson(t, "mallory", "ReadOnly")
	for name, host := range attackers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p := newTab(t, s), newProgram(t, s)
			b.start(p)
			b.see("Sign in")
			signIn := b.form()
			signIn["username"], signIn["password"] = "mallory", mallory
			b.forged(host, "/sign-in", signIn)

			b.start(p)
			b.signIn(alice, s.password) // a password form: nobody is signed in yet
			b.see("Allow access?")
			consent := b.form()
			consent["decision"], consent["assignment"] = "allow", account+"/Developer"
			b.forged(host, "/consent", consent)
			p.unanswered(t)
			b.forged(host, "/sign-out", nil)

			b.open(s.base)
			if got := b.part("#person"); got != alice {
				t.Errorf("after the forged forms %q is signed in, want %s", got, alice)
			}
			// The form is as good as a real one: where nothing says that a page of others sent it, it is obeyed.
			values := url.Values{}
			for name, value := range consent {
				values.Set(name, value)
			}
			if answer := b.resend(post{s.base + "/consent", values.Encode()}); answer.Get("code") == "" {
				t.Errorf("the same form by itself leads to %v, want a code, or this test means nothing", answer)
			}
		})
	}
}

// form returns the hidden values of the form with the button that goes on.
func (b *tab) form() map[string]string {
	b.t.Helper()
	return eval[map[string]string](b, `Object.fromEntries([...document.querySelector("button.primary").form.querySelectorAll("input[type=hidden]")].map(e => [e.name, e.value]))`)
}

// forged opens a page at host that sends a form to path at once, and fails the test unless that is refused.
func (b *tab) forged(host, path string, values map[string]string) {
	b.t.Helper()
	site := attack(b.t, host, `<!doctype html><title>x</title><h1>You have won</h1>
<form method="post" action="{{.action}}">{{range $name, $value := .values}}<input type="hidden" name="{{$name}}" value="{{$value}}">{{end}}</form>
<script>document.forms[0].submit()</script>`, map[string]any{"action": b.allowed[0] + path, "values": values})
	b.allow(site)
	b.open(site)
	b.see("Refused for your safety")
	b.says("sent from a page of another site", "nothing was done")
	if got := b.address(); !strings.HasSuffix(got, path) {
		b.t.Errorf("after a forged form to %s the browser is at %s", path, got)
	}
}

// attack serves a page on a port of its own and returns its address under the host.
func attack(t *testing.T, host, html string, values map[string]any) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	body := template.Must(template.New("").Parse(html))
	site := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := body.Execute(w, values); err != nil {
			t.Errorf("attack page: %v", err)
		}
	})}
	go site.Serve(listener)
	t.Cleanup(func() { site.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return "http://" + net.JoinHostPort(host, port) + "/"
}

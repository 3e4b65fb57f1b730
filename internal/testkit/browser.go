package testkit

import (
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Browser plays a person's browser: it keeps cookies, and fills in forms.
type Browser struct {
	server  *Server
	cookies map[string]string
}

// Browser returns a browser that was never here before.
func (s *Server) Browser() *Browser { return &Browser{server: s, cookies: map[string]string{}} }

// Cookies returns the values of the browser's cookies by name.
func (b *Browser) Cookies() map[string]string { return maps.Clone(b.cookies) }

// Get visits a path of the server.
func (b *Browser) Get(target string) *httptest.ResponseRecorder {
	return b.do(httptest.NewRequest(http.MethodGet, b.server.Base+target, nil))
}

// Submit sends the form of page to action, with its hidden fields and the given ones: a name and a value each.
func (b *Browser) Submit(page *httptest.ResponseRecorder, action string, fields ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page.Body.String(), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, b.server.Base+action, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", b.server.Base)
	return b.do(r)
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

func (b *Browser) do(r *http.Request) *httptest.ResponseRecorder {
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := b.server.Do(r)
	for _, cookie := range w.Result().Cookies() {
		if b.cookies[cookie.Name] = cookie.Value; cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		}
	}
	return w
}

// Approve signs the person in at the browser, who consents, and returns the code that the client gets. The server is one
// of StartWithPages.
func (b *Browser) Approve(t testing.TB, c *Client) (code string) {
	t.Helper()
	target := "/v1/authorize?" + c.AuthorizeQuery().Encode()
	page := b.Get(target)
	if w := b.Submit(page, "/sign-in", "username", Person, "password", Password); w.Code != http.StatusSeeOther {
		t.Fatalf("POST /sign-in = %d\n%s", w.Code, w.Body)
	}
	w := b.Submit(b.Get(target), "/consent", "decision", "allow")
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound || to.Query().Get("code") == "" {
		t.Fatalf("POST /consent = %d to %q\n%s", w.Code, w.Header().Get("Location"), w.Body)
	}
	return to.Query().Get("code")
}

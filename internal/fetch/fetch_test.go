package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// site is a server of somebody else on loopback, which counts who connects.
func site(t *testing.T, secure bool, h http.HandlerFunc) (base string, roots *x509.CertPool, conns *atomic.Int64) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	conns = new(atomic.Int64)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Config.ErrorLog = nil
	roots = x509.NewCertPool()
	if secure {
		s.StartTLS()
		roots.AddCert(s.Certificate())
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.URL, roots, conns
}

func document(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"a":1}`)
}

func TestGetReturnsTheDocument(t *testing.T) {
	var got *http.Request
	base, roots, _ := site(t, true, func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Cache-Control", "max-age=60")
		document(w, r)
	})
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // it is not asked
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	body, header, err := New(Options{AllowPrivate: true, Roots: roots}).Get(t.Context(), base+"/x?y=z", 7)
	if err != nil || string(body) != `{"a":1}` || header.Get("Cache-Control") != "max-age=60" {
		t.Fatalf("Get = %q, %v, %v", body, header, err)
	}
	if got.URL.String() != "/x?y=z" || got.Method != "GET" || got.Header.Get("Cookie")+got.Header.Get("Authorization")+got.Header.Get("Referer") != "" {
		t.Errorf("the server was asked %s %s with %v", got.Method, got.URL, got.Header)
	}
}

func TestHTTPIsForLoopbackWhereThatIsAllowed(t *testing.T) {
	base, _, _ := site(t, false, document)
	if _, _, err := New(Options{AllowLoopbackHTTP: true}).Get(t.Context(), base, 100); err != nil {
		t.Errorf("Get = %v", err)
	}
	if _, _, err := New(Options{AllowPrivate: true}).Get(t.Context(), base, 100); !errors.Is(err, ErrURL) {
		t.Errorf("Get of http where that is not allowed = %v, want ErrURL", err)
	}
	if _, _, err := New(Options{AllowLoopbackHTTP: true, AllowPrivate: true}).Get(t.Context(), "http://intranet.example/", 100); !errors.Is(err, ErrURL) {
		t.Errorf("Get of http elsewhere = %v, want ErrURL", err)
	}
}

func TestOnlyPlainURLsAreFetched(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":               "",
		"a path":                "/x",
		"no scheme":             "//host.example/",
		"http":                  "http://host.example/",
		"http on loopback":      "http://127.0.0.1/",
		"file":                  "file:///etc/passwd",
		"gopher":                "gopher://host.example/",
		"ftp":                   "ftp://host.example/",
		"no host":               "https:///x",
		"opaque":                "https:host.example",
		"a user name":           "https://a@host.example/",
		"an empty user name":    "https://@host.example/",
		"a password":            "https://:x@host.example/",
		"a fragment":            "https://host.example/#x",
		"an empty fragment":     "https://host.example/#",
		"a backslash":           `https://host.example\@evil.example/`,
		"a space":               "https://host.example/ x",
		"a line end":            "https://host.example/\r\nHost: x",
		"a tab in the scheme":   "ht\ttps://host.example/",
		"a NUL":                 "https://host.example/\x00",
		"outside ASCII":         "https://höst.example/",
		"an encoded host":       "https://h%6fst.example/",
		"an encoded dot":        "https://127%2e0.0.1/",
		"an encoded IDN":        "https://h%C3%B6st.example/",
		"a dot at the end":      "https://host.example./",
		"two dots":              "https://host..example/",
		"a zone":                "https://[fe80::1%25lo]/",
		"IPv4 in brackets":      "https://[127.0.0.1]/",
		"a colon without port":  "https://host.example:/",
		"another port":          "https://host.example:8443/",
		"port 22":               "https://host.example:22/",
		"port 0":                "https://host.example:0/",
		"a port that overflows": "https://host.example:65979/", // 443 in 16 bits
		"too long":              "https://host.example/" + strings.Repeat("a", 2048),
	} {
		if _, _, err := New(Options{}).Get(t.Context(), text, 100); !errors.Is(err, ErrURL) {
			t.Errorf("%s: Get(%q) = %v, want ErrURL", name, text, err)
		}
	}
}

// errDialled stops a connection that would have been made, so that no test leaves this computer.
var errDialled = errors.New("dialled")

// Attack: name a document at an address inside the network of the server, by every way to write or to hide it, and read
// from the answer or its time what is there (server-side request forgery, CWE-918).
func TestAddressesInsideAreOutOfReach(t *testing.T) {
	base, roots, conns := site(t, true, document)
	port := base[strings.LastIndex(base, ":"):]
	inside := map[string]string{
		"a.example.": "127.0.0.1", "b.example.": "::1", "c.example.": "169.254.169.254", "d.example.": "::ffff:10.0.0.1",
		"e.example.": "0.0.0.0", "f.example.": "::ffff:127.0.0.1", "g.example.": "64:ff9b::7f00:1", "h.example.": "2002:7f00:1::",
		"i.example.": "fd00::1", "j.example.": "100.64.0.1", "k.example.": "224.0.0.1", "l.example.": "::", "m.example.": "fe80::1",
	}
	answers := map[string][][]netip.Addr{}
	var hosts []string
	for name, address := range inside {
		answers[name] = [][]netip.Addr{addrs(address)}
		hosts = append(hosts, strings.TrimSuffix(name, "."))
	}
	hosts = append(hosts, "127.0.0.1", "[::1]", "localhost", "169.254.169.254", "10.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]",
		"[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0")
	f := New(Options{Roots: roots, Resolver: serveNames(t, answers), Timeout: 2 * time.Second})
	f.beforeDial = func(to netip.AddrPort) error {
		t.Errorf("%s was about to be dialled", to)
		return errDialled
	}
	for _, host := range hosts {
		if body, _, err := f.Get(t.Context(), "https://"+host+"/", 100); err == nil {
			t.Errorf("%s: got %q", host, body)
		}
		if _, _, err := f.Get(t.Context(), "https://"+host+port+"/", 100); err == nil {
			t.Errorf("%s: the port of something inside was asked", host)
		}
	}
	for name := range inside {
		if _, _, err := f.Get(t.Context(), "https://"+strings.TrimSuffix(name, ".")+"/", 100); !errors.Is(err, ErrAddress) {
			t.Errorf("%s at %s: %v, want ErrAddress", name, inside[name], err)
		}
	}
	if n := conns.Load(); n != 0 {
		t.Errorf("the server inside had %d connections", n)
	}
}

// Attack: a name resolves to a public address while it is checked, and to loopback a moment later when it is dialled (DNS
// rebinding); or to both at once, so that the second is tried when the first does not answer.
func TestRebindingLeadsNowhere(t *testing.T) {
	resolver := serveNames(t, map[string][][]netip.Addr{
		"rebind.example.": {addrs("93.184.216.34"), addrs("127.0.0.1")},
		"both.example.":   {addrs("93.184.216.34", "127.0.0.1", "2606:2800::1", "::1")},
	})
	f := New(Options{Resolver: resolver, Timeout: 2 * time.Second})
	var dialled []netip.AddrPort
	seen := make(chan netip.AddrPort, 16)
	f.beforeDial = func(to netip.AddrPort) error {
		seen <- to
		return errDialled
	}
	if _, _, err := f.Get(t.Context(), "https://rebind.example/", 100); !errors.Is(err, errDialled) {
		t.Errorf("first: %v, want the public address dialled", err)
	}
	if _, _, err := f.Get(t.Context(), "https://rebind.example/", 100); !errors.Is(err, ErrAddress) {
		t.Errorf("after the name was bound anew: %v, want ErrAddress", err)
	}
	if _, _, err := f.Get(t.Context(), "https://both.example/", 100); err == nil {
		t.Error("a name with addresses inside and outside was fetched")
	}
	close(seen)
	for to := range seen {
		dialled = append(dialled, to)
		if !public(to.Addr()) || to.Port() != 443 {
			t.Errorf("%s was dialled", to)
		}
	}
	if len(dialled) < 2 {
		t.Errorf("dialled %v, want the public addresses", dialled)
	}
}

// Attack: a public server sends the fetcher on to a place inside, by a redirect.
func TestRedirectsAreNotFollowed(t *testing.T) {
	_, _, inside := site(t, true, document)
	for _, status := range []int{301, 302, 303, 307, 308} {
		base, roots, _ := site(t, true, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				http.Redirect(w, r, "/document", status)
				return
			}
			document(w, r)
		})
		if _, _, err := New(Options{AllowPrivate: true, Roots: roots}).Get(t.Context(), base+"/", 100); !errors.Is(err, ErrAnswer) {
			t.Errorf("status %d: %v, want ErrAnswer", status, err)
		}
	}
	if n := inside.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// A name of loopback that resolves elsewhere does not make http good for elsewhere.
func TestHTTPToANameOfLoopbackStaysOnLoopback(t *testing.T) {
	f := New(Options{AllowLoopbackHTTP: true})
	f.beforeDial = func(to netip.AddrPort) error {
		if !to.Addr().IsLoopback() {
			t.Errorf("%s was dialled", to)
		}
		return errDialled
	}
	if _, _, err := f.Get(t.Context(), "http://localhost:8080/", 100); !errors.Is(err, errDialled) {
		t.Errorf("Get = %v, want loopback dialled", err)
	}
}

func TestAnswersThatAreNoDocument(t *testing.T) {
	answer := func(set func(h http.Header), status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			set(w.Header())
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	plain := func(http.Header) {}
	typed := func(s string) func(http.Header) { return func(h http.Header) { h.Set("Content-Type", s) } }
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		want error
	}{
		"exactly the limit":       {answer(plain, 200, strings.Repeat("a", 100)), nil},
		"a charset":               {answer(typed("application/json; charset=utf-8"), 200, "{}"), nil},
		"a +json type":            {answer(typed("application/jwk-set+json"), 200, "{}"), nil},
		"one more than the limit": {answer(plain, 200, strings.Repeat("a", 101)), ErrAnswer},
		"404":                     {answer(plain, 404, "{}"), ErrAnswer},
		"500":                     {answer(plain, 500, "{}"), ErrAway},
		"503":                     {answer(plain, 503, "{}"), ErrAway},
		"429":                     {answer(plain, 429, "{}"), ErrAway},
		"201":                     {answer(plain, 201, "{}"), ErrAnswer},
		"HTML":                    {answer(typed("text/html"), 200, "{}"), ErrAnswer},
		"no type":                 {answer(typed(""), 200, "{}"), ErrAnswer},
		"image/svg+json":          {answer(typed("image/x+json"), 200, "{}"), ErrAnswer},
		"compressed":              {answer(func(h http.Header) { h.Set("Content-Encoding", "gzip") }, 200, "x"), ErrAnswer},
		"a limit hidden by chunks": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for range 1000 {
				if _, err := w.Write([]byte(strings.Repeat("a", 1000))); err != nil {
					return
				}
				w.(http.Flusher).Flush()
			}
		}, ErrAnswer},
	} {
		base, roots, _ := site(t, true, c.h)
		_, _, err := New(Options{AllowPrivate: true, Roots: roots}).Get(t.Context(), base, 100)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestHeadersAreBounded(t *testing.T) {
	base, roots, _ := site(t, true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X", strings.Repeat("a", 2*maxHeader))
		document(w, r)
	})
	if _, _, err := New(Options{AllowPrivate: true, Roots: roots}).Get(t.Context(), base, 100); err == nil {
		t.Error("an answer with an endless header was taken")
	}
}

// Attack: answer a byte now and then, to hold what is bounded.
func TestSlowAnswersAreCutOff(t *testing.T) {
	release := make(chan struct{})
	base, roots, _ := site(t, true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for {
			if _, err := w.Write([]byte("a")); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-time.After(10 * time.Millisecond):
			case <-r.Context().Done():
				return
			case <-release:
				return
			}
		}
	})
	defer close(release)
	began := time.Now()
	_, _, err := New(Options{AllowPrivate: true, Roots: roots, Timeout: 300 * time.Millisecond}).Get(t.Context(), base, 1<<20)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("Get = %v after %v, want DeadlineExceeded after 300 ms", err, time.Since(began))
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	base, _, _ := site(t, true, document)
	var unknown x509.UnknownAuthorityError
	if _, _, err := New(Options{AllowPrivate: true}).Get(t.Context(), base, 100); !errors.As(err, &unknown) {
		t.Errorf("Get from a server with a certificate of its own = %v, want it refused", err)
	}
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://host.example/x", "http://localhost:1/", "https://[::1]/", "https://a@b/", `https://a\b`, "https://a:443/?x#y"} {
		f.Add(s)
	}
	open, strict := New(Options{AllowPrivate: true, AllowLoopbackHTTP: true}), New(Options{})
	f.Fuzz(func(t *testing.T, text string) {
		if u, overHTTP, err := strict.check(text); err == nil {
			if overHTTP || u.Scheme != "https" || u.User != nil || u.Port() != "" && u.Port() != "443" || !plainURL(u) {
				t.Errorf("%q may be fetched for a stranger: %+v", text, u)
			}
			if _, _, err := open.check(text); err != nil {
				t.Errorf("%q may be fetched for a stranger and not for an administrator: %v", text, err)
			}
		}
		if u, overHTTP, err := open.check(text); err == nil && overHTTP != (u.Scheme == "http") {
			t.Errorf("%q: over http %v", text, overHTTP)
		}
	})
}

func plainURL(u *url.URL) bool {
	return !strings.ContainsAny(u.Host, "%@\\ /?#") && u.Fragment == "" && u.Opaque == ""
}

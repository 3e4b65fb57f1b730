package signin

import (
	"net"
	"net/url"
	"strings"
	"testing"
)

var (
	sameDevice  = Client{ID: SameDevice, Class: Devtools}
	crossDevice = Client{ID: CrossDevice, Class: Devtools}
	app         = Client{ID: ConfidentialPrefix + "app", Class: Confidential, RedirectURIs: []string{
		"https://app.example.com/callback", "http://127.0.0.1/callback", "http://localhost:3000/cb?tenant=1", "http://[::1]/",
	}}
	dynamic = Client{ID: DynamicClientID("us-east-1", SessionID{1}), Class: Dynamic, RedirectURIs: []string{
		"https://claude.ai/cb", "http://127.0.0.1/cb", "vscode://publisher.extension/cb",
	}}
	bases = []string{"https://signin.example.com", "http://127.0.0.1:8080"}
)

func TestSameDeviceIsSentToLoopbackOnly(t *testing.T) {
	for _, uri := range []string{
		"http://127.0.0.1:35587/oauth/callback",
		"http://127.0.0.1:35587/oauth/callback/", // PowerShell
		"http://127.0.0.1:35587",
		"http://127.0.0.1/oauth/callback",
		"http://127.0.0.1:1/",
		"http://127.0.0.1:65535/",
		"http://localhost:8400/callback",
		"http://LocalHost:8400/callback",
		"HTTP://127.0.0.1:8400/callback",
		"http://[::1]:8400/callback",
		"http://[0:0:0:0:0:0:0:1]:8400/callback",
		"http://127.0.0.1:8400/a/../b?x=1&y=%2e%2e",
		"http://127.0.0.1:8400/" + strings.Repeat("a", MaxRedirectURI-len("http://127.0.0.1:8400/")),
	} {
		if err := AllowRedirect(sameDevice, uri, bases); err != nil {
			t.Errorf("AllowRedirect(same-device, %q) = %v, want nil", uri, err)
		}
	}
}

// The known ways to make a checker and a browser disagree about where a URL leads, and plain strangers.
func TestSameDeviceIsNotSentElsewhere(t *testing.T) {
	for name, uri := range map[string]string{
		"a stranger":                     "http://evil.example/oauth/callback",
		"loopback over TLS":              "https://127.0.0.1:8400/",
		"loopback as a subdomain":        "http://127.0.0.1.evil.example/",
		"localhost as a subdomain":       "http://localhost.evil.example/",
		"loopback at the end":            "http://evil.example/127.0.0.1",
		"loopback as a user name":        "http://127.0.0.1@evil.example/",
		"loopback with port as a user":   "http://127.0.0.1:80@evil.example/",
		"a user name before loopback":    "http://evil.example@127.0.0.1/",
		"an empty user name":             "http://@127.0.0.1/",
		"a password and no name":         "http://:x@127.0.0.1/",
		"an encoded at sign":             "http://127.0.0.1%40evil.example/",
		"a backslash for a slash":        `http://127.0.0.1\evil.example/`,
		"a backslash before an at sign":  `http://evil.example\@127.0.0.1/`,
		"a backslash in the path":        `http://127.0.0.1:8400/\@evil.example`,
		"backslashes for slashes":        `http:\\127.0.0.1/`,
		"no scheme":                      "//127.0.0.1/",
		"no scheme, three slashes":       "///127.0.0.1/",
		"a path":                         "/oauth/callback",
		"one slash":                      "http:/127.0.0.1/",
		"no slash":                       "http:127.0.0.1/",
		"three slashes":                  "http:///127.0.0.1/",
		"no host":                        "http://:8400/",
		"a fragment":                     "http://127.0.0.1:8400/#@evil.example",
		"an empty fragment":              "http://127.0.0.1:8400/#",
		"a fragment before the host":     "http://127.0.0.1#.evil.example/",
		"a query before the host":        "http://evil.example?127.0.0.1/",
		"dots that are encoded":          "http://127%2e0%2e0%2e1/",
		"a dot that is encoded":          "http://127.0.0.1%2eevil.example/",
		"a letter that is encoded":       "http://loc%61lhost/",
		"a letter that folds to another": "http://localho%C5%BFt/",        // U+017F, which case folding takes for s
		"digits that fold to others":     "http://%EF%BC%91%32%37.0.0.1/", // U+FF11
		"a dot of another script":        "http://127%E3%80%820.0.1/",
		"letters outside ASCII":          "http://localhoſt/",
		"a zero byte":                    "http://127.0.0.1\x00.evil.example/",
		"an encoded zero byte":           "http://127.0.0.1%00.evil.example/",
		"a space":                        "http://127.0.0.1 .evil.example/",
		"a space at the end":             "http://127.0.0.1:8400/ ",
		"a space in front":               " http://127.0.0.1:8400/",
		"a tab":                          "http://127.0.0.1\t:8400/",
		"a newline":                      "http://127.0.0.1:8400/\r\nSet-Cookie: a=b",
		"a newline at the end":           "http://127.0.0.1:8400/\n",
		"DEL":                            "http://127.0.0.1:8400/\x7f",
		"bytes that are not UTF-8":       "http://127.0.0.1:8400/\xff",
		"a short form":                   "http://127.1/",
		"a shorter form":                 "http://127.0.1/",
		"a decimal form":                 "http://2130706433/",
		"an octal form":                  "http://0177.0.0.1/",
		"a hexadecimal form":             "http://0x7f.0.0.1/",
		"one hexadecimal number":         "http://0x7f000001/",
		"zeros in front":                 "http://127.0.0.01/",
		"another loopback address":       "http://127.0.0.2/",
		"the unspecified address":        "http://0.0.0.0/",
		"the number 0":                   "http://0/",
		"the unspecified IPv6 address":   "http://[::]/",
		"an IPv4-mapped address":         "http://[::ffff:127.0.0.1]/",
		"an IPv4-mapped address in hex":  "http://[::ffff:7f00:1]/",
		"an IPv4-compatible address":     "http://[::127.0.0.1]/",
		"brackets around IPv4":           "http://[127.0.0.1]/",
		"brackets around a name":         "http://[localhost]/",
		"IPv6 with a zone":               "http://[::1%25lo]/",
		"IPv6 without brackets":          "http://::1/",
		"a dot after loopback":           "http://127.0.0.1./",
		"a dot after localhost":          "http://localhost./",
		"a name that resolves there":     "http://localtest.me/",
		"localdomain":                    "http://localhost.localdomain/",
		"a colon and no port":            "http://127.0.0.1:/",
		"port 0":                         "http://127.0.0.1:0/",
		"a port above the highest":       "http://127.0.0.1:65536/",
		"a port with a sign":             "http://127.0.0.1:+80/",
		"a negative port":                "http://127.0.0.1:-1/",
		"a port of letters":              "http://127.0.0.1:http/",
		"two ports":                      "http://127.0.0.1:80:80/",
		"two hosts":                      "http://127.0.0.1,evil.example/",
		"a semicolon":                    "http://127.0.0.1;evil.example/",
		"javascript":                     "javascript:alert(1)",
		"javascript with a host":         "javascript://127.0.0.1/%0aalert(1)",
		"data":                           "data:text/html,<script>alert(1)</script>",
		"file":                           "file://127.0.0.1/etc/passwd",
		"ftp":                            "ftp://127.0.0.1/",
		"an app":                         "com.example.app://127.0.0.1/callback",
		"the page for the other client":  bases[0] + ConfirmationPath,
		"a URL that is too long":         "http://127.0.0.1:8400/" + strings.Repeat("a", MaxRedirectURI),
	} {
		if err := AllowRedirect(sameDevice, uri, bases); KindOf(err) != ParameterInvalid {
			t.Errorf("%s: AllowRedirect(same-device, %q) = %v, want ParameterInvalid", name, uri, err)
		}
	}
	if err := AllowRedirect(sameDevice, "", bases); KindOf(err) != ParameterMissing {
		t.Errorf("AllowRedirect(same-device, nothing) = %v, want ParameterMissing", err)
	}
}

func TestCrossDeviceIsSentToTheConfirmationPageOnly(t *testing.T) {
	for _, base := range bases {
		if err := AllowRedirect(crossDevice, base+ConfirmationPath, bases); err != nil {
			t.Errorf("AllowRedirect(cross-device, %q) = %v, want nil", base+ConfirmationPath, err)
		}
	}
	for _, uri := range []string{
		"http://127.0.0.1:35587/oauth/callback",
		"http://127.0.0.1:8081" + ConfirmationPath,
		"http://signin.example.com" + ConfirmationPath,
		"https://signin.example.com:443" + ConfirmationPath,
		"https://SIGNIN.example.com" + ConfirmationPath,
		"https://signin.example.com" + ConfirmationPath + "/",
		"https://signin.example.com" + ConfirmationPath + "?a=b",
		"https://signin.example.com/" + ConfirmationPath,
		"https://signin.example.com/v1/sessions/../sessions/confirmation",
		"https://signin.example.com/v1/sessions",
		"https://signin.example.com.evil.example" + ConfirmationPath,
		"https://evil.example" + ConfirmationPath,
	} {
		if err := AllowRedirect(crossDevice, uri, bases); KindOf(err) != ParameterInvalid {
			t.Errorf("AllowRedirect(cross-device, %q) = %v, want ParameterInvalid", uri, err)
		}
	}
	if err := AllowRedirect(crossDevice, ConfirmationPath, nil); KindOf(err) != ParameterInvalid {
		t.Errorf("AllowRedirect(cross-device, only a path, no bases) = %v, want ParameterInvalid", err)
	}
}

func TestConfidentialClientIsSentToRegisteredURIsOnly(t *testing.T) {
	for uri, want := range map[string]bool{
		"https://app.example.com/callback":  true,
		"http://127.0.0.1/callback":         true,
		"http://127.0.0.1:54321/callback":   true, // RFC 8252 section 7.3: any port of loopback
		"http://localhost:3000/cb?tenant=1": true,
		"http://localhost:1/cb?tenant=1":    true,
		"http://[::1]:9/":                   true,

		"https://app.example.com/callback/":         false,
		"https://app.example.com/Callback":          false,
		"https://app.example.com/callback?a=b":      false,
		"https://app.example.com:443/callback":      false,
		"https://APP.example.com/callback":          false,
		"http://app.example.com/callback":           false,
		"https://app.example.com/callback#x":        false,
		"https://app.example.com.evil.com/callback": false,
		"https://app.example.com@evil.com/callback": false,
		"https://evil.com/callback":                 false,
		"http://127.0.0.1:54321/callback2":          false,
		"http://127.0.0.1:54321/":                   false,
		"http://127.0.0.1:54321/callback?x=1":       false,
		"http://127.0.0.1:0/callback":               false,
		"http://localhost:54321/callback":           false, // another name, though the same host
		"http://[::1]:54321/callback":               false,
		"https://127.0.0.1:54321/callback":          false,
		"http://localhost:3000/cb?tenant=2":         false,
		"http://localhost:3000/cb":                  false,
		"":                                          false,
	} {
		err := AllowRedirect(app, uri, bases)
		if (err == nil) != want {
			t.Errorf("AllowRedirect(confidential, %q) = %v, want allowed %v", uri, err, want)
		}
	}
}

func TestDynamicClientIsSentToWhatItRegistered(t *testing.T) {
	for uri, want := range map[string]bool{
		"https://claude.ai/cb":            true,
		"vscode://publisher.extension/cb": true,
		"http://127.0.0.1/cb":             true,
		"http://127.0.0.1:54321/cb":       true, // RFC 8252 section 7.3

		"https://claude.ai/cb2":                 false,
		"https://claude.ai/cb/":                 false,
		"https://claude.ai/cb?x":                false,
		"https://claude.ai/CB":                  false,
		"https://claude.ai:443/cb":              false,
		"https://claude.ai/other":               false, // in the list of the server, but not its own
		"vscode://publisher.extension/cb2":      false,
		"vscode://publisher.extension:80/cb":    false,
		"VSCODE://publisher.extension/cb":       false,
		"http://localhost/cb":                   false, // another name
		"http://[::1]/cb":                       false,
		"http://127.0.0.1:54321/cb2":            false,
		"http://127.0.0.1:54321/cb?x":           false,
		"http://127.0.0.1:54321/%63b":           false,
		"https://127.0.0.1/cb":                  false,
		bases[0] + ConfirmationPath:             false,
		"http://127.0.0.1:35587/oauth/callback": false, // that of the same-device client
	} {
		if err := AllowRedirect(dynamic, uri, bases); (err == nil) != want {
			t.Errorf("AllowRedirect(dynamic, %q) = %v, want allowed %v", uri, err, want)
		}
	}
}

func TestOnlyHTTPSAndLoopbackCanBeRegistered(t *testing.T) {
	for uri, want := range map[string]bool{
		"https://app.example.com/callback":  true,
		"https://app.example.com:8443/?a=b": true,
		"http://127.0.0.1/callback":         true,
		"http://localhost:3000/":            true,
		"http://[::1]/":                     true,

		"":                              false,
		"http://app.example.com/":       false,
		"http://127.0.0.2/":             false,
		"https://":                      false,
		"https://:443/":                 false,
		"https://user@app.example.com/": false,
		"https://app.example.com/#":     false,
		"https://bücher.example/":       false,
		"https://b%C3%BCcher.example/":  false, // two parsers, two hosts
		"javascript:alert(1)":           false,
		"app://callback":                false,
		"app.example.com/callback":      false,
	} {
		if err := CheckRegistration(uri); (err == nil) != want {
			t.Errorf("CheckRegistration(%q) = %v, want allowed %v", uri, err, want)
		}
	}
}

// Whatever can be registered, the client is sent to.
func TestRegisteredURIsAreAllowed(t *testing.T) {
	for _, uri := range app.RedirectURIs {
		if err := CheckRegistration(uri); err != nil {
			t.Errorf("CheckRegistration(%q) = %v", uri, err)
		}
		if err := AllowRedirect(app, uri, nil); err != nil {
			t.Errorf("AllowRedirect(confidential, %q) = %v", uri, err)
		}
	}
}

// A refusal tells what to do, and repeats nothing of what a stranger sent.
func TestRedirectRefusalsDoNotRepeatTheURI(t *testing.T) {
	for _, c := range []Client{sameDevice, crossDevice, app} {
		for _, uri := range []string{"http://marker.example/", "marker", "http://marker@127.0.0.1/", "http://127.0.0.1/#marker", "http://127.0.0.1/\nmarker"} {
			err := AllowRedirect(c, uri, bases)
			if err == nil || strings.Contains(err.Error(), "marker") {
				t.Errorf("AllowRedirect(%s, %q) = %v, want a refusal without the URI", c.ID, uri, err)
			}
		}
	}
}

func FuzzAllowRedirect(f *testing.F) {
	for _, uri := range append([]string{
		"http://127.0.0.1:35587/oauth/callback", "http://[::1]:1/", "http://localhost", "http://localho%C5%BFt/", "http://[::1%25lo]/",
		"http://127.0.0.1@evil.example", `http://127.0.0.1\evil.example`, "//127.0.0.1", bases[0] + ConfirmationPath, "http://:80/",
	}, app.RedirectURIs...) {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if AllowRedirect(sameDevice, uri, bases) == nil {
			u := mustParse(t, uri)
			ip := net.ParseIP(u.Hostname())
			if u.Scheme != "http" || u.User != nil || u.Fragment != "" ||
				!(asciiLower(u.Hostname()) == "localhost" || ip != nil && ip.IsLoopback()) {
				t.Errorf("AllowRedirect(same-device, %q) = nil; it leads to %s on %q", uri, u.Scheme, u.Hostname())
			}
			// The host as it was written, up to its port, is one of three: nothing in it needs interpreting.
			authority, _, _ := strings.Cut(strings.TrimPrefix(asciiLower(uri), "http://"), "/")
			authority, _, _ = strings.Cut(authority, "?")
			if !strings.HasPrefix(authority, "127.0.0.1") && !strings.HasPrefix(authority, "localhost") && !strings.HasPrefix(authority, "[") {
				t.Errorf("AllowRedirect(same-device, %q) = nil; its authority is %q", uri, authority)
			}
		}
		if AllowRedirect(crossDevice, uri, bases) == nil && uri != bases[0]+ConfirmationPath && uri != bases[1]+ConfirmationPath {
			t.Errorf("AllowRedirect(cross-device, %q) = nil", uri)
		}
		if AllowRedirect(app, uri, bases) == nil {
			u := mustParse(t, uri)
			switch asciiLower(u.Hostname()) {
			case "app.example.com", "127.0.0.1", "localhost", "::1":
			default:
				t.Errorf("AllowRedirect(confidential, %q) = nil; it leads to %q", uri, u.Hostname())
			}
		}
		if AllowRedirect(dynamic, uri, bases) == nil {
			u := mustParse(t, uri)
			port := u.Port()
			if port != "" {
				port = ":" + port
			}
			if uri != "https://claude.ai/cb" && uri != "vscode://publisher.extension/cb" && !strings.HasSuffix(asciiLower(uri), "://127.0.0.1"+port+"/cb") {
				t.Errorf("AllowRedirect(dynamic, %q) = nil; it registered %q", uri, dynamic.RedirectURIs)
			}
		}
		if CheckRegistration(uri) == nil {
			registered := Client{ID: app.ID, Class: Confidential, RedirectURIs: []string{uri}}
			if err := AllowRedirect(registered, uri, nil); err != nil {
				t.Errorf("%q can be registered, but AllowRedirect = %v", uri, err)
			}
		}
	})
}

func mustParse(t *testing.T, uri string) *url.URL {
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatalf("AllowRedirect(%q) = nil, but url.Parse: %v", uri, err)
	}
	return u
}

// asciiLower lowers A to Z and nothing else.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

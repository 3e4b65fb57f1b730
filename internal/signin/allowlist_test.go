package signin

import (
	"strings"
	"testing"
)

func parseList(t testing.TB, patterns ...string) RedirectList {
	t.Helper()
	l, err := ParseRedirectList(patterns)
	if err != nil {
		t.Fatalf("ParseRedirectList(%q) = %v", patterns, err)
	}
	return l
}

func TestClientsMayRegisterLoopbackAndWhatTheListHas(t *testing.T) {
	l := parseList(t, DefaultRedirects()...)
	for _, uri := range []string{
		"http://127.0.0.1:33418/",
		"http://127.0.0.1/callback",
		"http://localhost:3000/oauth/callback?x=1",
		"http://[::1]:1/",
		"https://claude.ai/api/mcp/auth_callback",
		"https://claude.ai/",
		"https://claude.ai/?a=b",
		"cursor://anysphere.cursor-mcp/oauth/callback",
		"https://www.cursor.com/agents/mcp/oauth/callback",
		"vscode://vscode.github-authentication/did-authenticate",
		"vscode://publisher.extension",
		"https://vscode.dev/redirect",
		"https://chatgpt.com/connector_platform_oauth_redirect",
		"https://replit.com/",
		"https://lovable.app/x.y/z..z",
		"https://lovable.dev/~x",
		"https://api.v0.dev/v1/mcp-servers/oauth/callback",
		"https://chatgpt.com/" + strings.Repeat("a", MaxRedirectURI-len("https://chatgpt.com/")),
	} {
		if err := l.Check(uri); err != nil {
			t.Errorf("Check(%q) = %v, want nil", uri, err)
		}
		client := Client{ID: DynamicClientID("us-east-1", SessionID{1}), Class: Dynamic, RedirectURIs: []string{uri}}
		if err := AllowRedirect(client, uri, bases); err != nil {
			t.Errorf("AllowRedirect(dynamic, %q), which it registered, = %v", uri, err)
		}
	}
}

// Attack: register a redirect URI that looks allowed to the server and leads elsewhere in the browser, or out of the folder
// that is allowed; then send the link to somebody who is signed in, and have the code (CWE-601).
func TestRedirectsThatOnlyLookAllowedAreRefused(t *testing.T) {
	l := parseList(t, append(DefaultRedirects(), "https://apps.example/tenant/*", "myapp://callback/*")...)
	for name, uri := range map[string]string{
		"nothing":                          "",
		"a stranger":                       "https://evil.example/cb",
		"http instead of https":            "http://claude.ai/cb",
		"a host that begins alike":         "https://claude.ai.evil.com/cb",
		"a host that ends alike":           "https://evilclaude.ai/cb",
		"a subdomain":                      "https://x.claude.ai/cb",
		"without the slash":                "https://claude.ai",
		"a user name":                      "https://claude.ai@evil.com/cb",
		"a user name with a slash":         "https://claude.ai%2f@evil.com/cb",
		"a user name and password":         "https://claude.ai:x@evil.com/cb",
		"a user name before the host":      "https://evil.com@claude.ai/cb",
		"a port":                           "https://claude.ai:8443/cb",
		"the implied port":                 "https://claude.ai:443/cb",
		"a colon":                          "https://claude.ai:/cb",
		"a dot at the end of the host":     "https://claude.ai./cb",
		"another case":                     "https://CLAUDE.ai/cb",
		"another case of the scheme":       "HTTPS://claude.ai/cb",
		"a backslash":                      `https://claude.ai\.evil.com/cb`,
		"a backslash in the path":          `https://claude.ai/\evil.com`,
		"an encoded backslash":             "https://claude.ai/%5c%5cevil.com",
		"an encoded backslash, upper case": "https://claude.ai/%5C..",
		"a query before the slash":         "https://claude.ai?.evil.com/",
		"a fragment":                       "https://claude.ai/#x",
		"a fragment before the slash":      "https://claude.ai#.evil.com/",
		"a tab in the host":                "https://claude.ai\t/cb",
		"a line end":                       "https://claude.ai/cb\r\nX: y",
		"a space":                          "https://claude.ai /cb",
		"a space in front":                 " https://claude.ai/cb",
		"a NUL":                            "https://claude.ai/\x00",
		"an encoded NUL":                   "https://claude.ai/%00",
		"a letter that looks alike":        "https://clаude.ai/cb", // Cyrillic
		"the same in percent-encoding":     "https://cl%D0%B0ude.ai/cb",
		"a host in percent-encoding":       "https://%63laude.ai/cb",
		"a dot of another script":          "https://claude%E3%80%82ai/cb",
		"three slashes":                    "https:///claude.ai/cb",
		"no scheme":                        "//claude.ai/cb",
		"one slash":                        "https:/claude.ai/cb",
		"after an exact one":               "https://replit.com/x",
		"a query after an exact one":       "https://replit.com/?x",
		"before an exact one":              "https://replit.com",
		"a dot segment":                    "https://apps.example/tenant/../other/cb",
		"a dot segment at the end":         "https://apps.example/tenant/..",
		"a single dot":                     "https://apps.example/tenant/./..",
		"encoded dots":                     "https://apps.example/tenant/%2e%2e/other",
		"half encoded dots":                "https://apps.example/tenant/.%2E/other",
		"doubly encoded dots":              "https://apps.example/tenant/%252e%252e/other",
		"dots and an encoded slash":        "https://apps.example/tenant/..%2fother",
		"dots and an encoded backslash":    "https://apps.example/tenant/..%5cother",
		"dots with a parameter":            "https://apps.example/tenant/..;x/other",
		"beside the folder":                "https://apps.example/tenantevil/cb",
		"the folder without a slash":       "https://apps.example/tenant",
		"javascript":                       "javascript:alert(1)",
		"javascript with a host":           "javascript://claude.ai/%0aalert(1)",
		"javascript in another case":       "JaVaScRiPt:alert(1)",
		"javascript after a tab":           "java\tscript:alert(1)",
		"data":                             "data:text/html,<script>alert(1)</script>",
		"vbscript":                         "vbscript:x",
		"blob":                             "blob:https://claude.ai/x",
		"file":                             "file:///etc/passwd",
		"file with a host":                 "file://claude.ai/etc/passwd",
		"view-source":                      "view-source:https://claude.ai/",
		"intent":                           "intent://claude.ai/#Intent;scheme=https;end",
		"about":                            "about:blank",
		"an app that is not in the list":   "myother://callback/x",
		"an app without a slash":           "myapp://callbackevil/x",
		"an app with another spelling":     "VSCODE://publisher.extension/x",
		"an app without a host":            "vscode:///x",
		"an app, opaque":                   "vscode:publisher.extension",
		"an app with a user name":          "vscode://a@publisher.extension/x",
		"an app with an encoded host":      "vscode://publisher%2eextension/x",
		"an app with an encoded slash":     "vscode://publisher.extension%2f@x/",
		"an app with a fragment":           "vscode://publisher.extension/#x",
		"a scheme that begins alike":       "vscode-insiders://publisher.extension/x",
		"loopback over TLS":                "https://127.0.0.1/cb",
		"loopback as a subdomain":          "http://127.0.0.1.evil.com/cb",
		"loopback as a user name":          "http://127.0.0.1@evil.com/cb",
		"another loopback address":         "http://127.0.0.2/cb",
		"the unspecified address":          "http://0.0.0.0/cb",
		"a decimal address":                "http://2130706433/cb",
		"a private address":                "http://192.168.0.1/cb",
		"the metadata of a cloud":          "http://169.254.169.254/latest",
		"too long":                         "https://chatgpt.com/" + strings.Repeat("a", MaxRedirectURI),
	} {
		if err := l.Check(uri); KindOf(err) != RedirectRefused {
			t.Errorf("%s: Check(%q) = %v, want RedirectRefused", name, uri, err)
		} else if strings.Contains(err.Error(), "evil") {
			t.Errorf("%s: the refusal repeats the URI: %v", name, err)
		}
	}
}

func TestPatternsThatAllowTooMuchAreRefused(t *testing.T) {
	for name, pattern := range map[string]string{
		"nothing":                     "",
		"everything":                  "*",
		"every https":                 "https://*",
		"every http":                  "http://*",
		"http":                        "http://intranet.example/*",
		"http on loopback":            "http://127.0.0.1/*",
		"a host without its slash":    "https://claude.ai*",
		"an app without its slash":    "myapp://call*",
		"a subdomain":                 "https://*.example.com/",
		"* in the middle":             "https://a.example/*/cb",
		"two at the end":              "https://a.example/**",
		"a query and *":               "https://a.example/?x=*",
		"a fragment":                  "https://a.example/#*",
		"a user name":                 "https://a@a.example/*",
		"upper case":                  "https://A.example/*",
		"the scheme in upper case":    "Https://a.example/*",
		"an encoded host":             "https://%61.example/*",
		"a host outside ASCII":        "https://bücher.example/*",
		"no scheme":                   "a.example/*",
		"no slashes":                  "myapp:*",
		"a scheme with a space":       "my app://*",
		"a scheme with a digit first": "1app://*",
		"javascript":                  "javascript://*",
		"data":                        "data://*",
		"file":                        "file://*",
		"blob":                        "blob://*",
		"intent":                      "intent://*",
		"ms-msdt":                     "ms-msdt://*",
		"a backslash":                 `https://a.example\*`,
	} {
		if _, err := ParseRedirectList([]string{"https://good.example/", pattern}); KindOf(err) != ParameterInvalid {
			t.Errorf("%s: ParseRedirectList(%q) = %v, want a refusal", name, pattern, err)
		}
	}
}

func FuzzRedirectList(f *testing.F) {
	patterns := append(DefaultRedirects(), "https://apps.example/tenant/*")
	l := parseList(f, patterns...)
	for _, uri := range append([]string{
		"https://claude.ai@evil.com/", "https://apps.example/tenant/%2e%2e/x", "vscode://a/b", "http://localhost:1/", "vscode://a%2fb/c",
		"https://apps.example/tenant/..;/x", "javascript://vscode.dev/%0a",
	}, patterns...) {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if l.Check(uri) != nil {
			return
		}
		u := mustParse(t, uri)
		if u.User != nil || strings.ContainsAny(uri, "#\\ \t\r\n") || u.Hostname() == "" {
			t.Errorf("Check(%q) = nil", uri)
		}
		switch u.Scheme {
		case "http":
			if err := AllowRedirect(sameDevice, uri, nil); err != nil {
				t.Errorf("Check(%q) = nil, but it is not loopback: %v", uri, err)
			}
		case "https":
			known := strings.Fields("claude.ai www.cursor.com vscode.dev chatgpt.com replit.com lovable.app lovable.dev api.v0.dev apps.example")
			for _, host := range known {
				if strings.HasPrefix(uri, "https://"+host+"/") && u.Host == host {
					if host == "apps.example" && !strings.HasPrefix(u.JoinPath().Path, "/tenant/") {
						t.Errorf("Check(%q) = nil; it leads to %s", uri, u.JoinPath())
					}
					return
				}
			}
			t.Errorf("Check(%q) = nil; it leads to %q", uri, u.Host)
		case "cursor", "vscode":
		default:
			t.Errorf("Check(%q) = nil; its scheme is %q", uri, u.Scheme)
		}
		// What can be registered, the client is sent to.
		if err := AllowRedirect(Client{ID: "x", Class: Dynamic, RedirectURIs: []string{uri}}, uri, nil); err != nil {
			t.Errorf("%q can be registered, but AllowRedirect = %v", uri, err)
		}
	})
}

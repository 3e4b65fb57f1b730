package config

import "testing"

// A list that is left out is AWS's; one that is empty allows loopback alone.
func TestListOfRedirectsIsAWSsUnlessItIsWritten(t *testing.T) {
	for text, want := range map[string]map[string]bool{
		"":                                  {"https://claude.ai/x": true, "http://localhost:1/": true, "myapp://cb/x": false},
		"registration: {enabled: true}":     {"https://claude.ai/x": true, "http://localhost:1/": true, "myapp://cb/x": false},
		"registration: {redirect_uris: []}": {"https://claude.ai/x": false, "http://localhost:1/": true, "myapp://cb/x": false},
		`registration: {redirect_uris: ["myapp://cb/*"]}`: {"https://claude.ai/x": false, "http://localhost:1/": true, "myapp://cb/x": true},
	} {
		c := Default()
		if err := c.Overlay([]byte(text)); err != nil {
			t.Fatalf("Overlay(%s) = %v", text, err)
		}
		list, err := c.Registration.Redirects()
		if err != nil {
			t.Fatalf("%s: Redirects = %v", text, err)
		}
		for uri, allowed := range want {
			if err := list.Check(uri); (err == nil) != allowed {
				t.Errorf("%s: Check(%q) = %v, want allowed %v", text, uri, err, allowed)
			}
		}
	}
}

package sigv4

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"testing"
)

// sameQuery tells whether two queries mean the same, like %2f and %2F.
func sameQuery(field, a, b string) bool {
	if field != "query" {
		return false
	}
	x, err := url.ParseQuery(a)
	y, err2 := url.ParseQuery(b)
	return err == nil && err2 == nil && reflect.DeepEqual(x, y)
}

// Two queries that a handler reads differently must not share a signature.
func TestSignedQueryIsTheQueryThatIsRead(t *testing.T) {
	groups := [][]string{
		{"a=b%20c", "a=b+c"},
		{"a=b%2Bc", "a=b%2bc"},
		{"a=b%3Bc"},
		{"a=b&c=d", "c=d&a=b", "a=b&&c=d&"},
		{"a=b%26c=d", "a=b%26c%3Dd"},
		{"a", "a=", "%61"},
		{"a=%2F", "a=/"},
		{"a=1&a=2", "a=2&a=1"}, // sorted by value, as AWS documents it
		{"a-b=1&a=2", "a=2&a-b=1"},
	}
	seen := map[string]int{}
	for i, g := range groups {
		for _, raw := range g {
			q, err := parseQuery(raw)
			if err != nil {
				t.Fatalf("parseQuery(%q): %v", raw, err)
			}
			canonical := string(appendQuery(nil, q))
			if j, ok := seen[canonical]; ok && j != i {
				t.Errorf("%q is signed as %q, like %q", raw, canonical, groups[j])
			}
			seen[canonical] = i
		}
	}
	if len(seen) != len(groups) {
		t.Errorf("%d groups are signed in %d ways: %q", len(groups), len(seen), slices.Sorted(maps.Keys(seen)))
	}
	for _, raw := range []string{"a=%", "a=%4", "a=%4g", "a=%zz", "%=1", "a=b;c=d", ";"} {
		if _, err := parseQuery(raw); !is(err, Malformed) {
			t.Errorf("parseQuery(%q): %v, want Malformed", raw, err)
		}
	}
}

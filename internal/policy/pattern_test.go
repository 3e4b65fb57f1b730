package policy

import (
	"path"
	"strings"
	"testing"
)

// Compared with the standard library's matcher, where both know the same wildcards.
func FuzzMatch(f *testing.F) {
	for _, s := range [][2]string{{"a*b?c", "axxbyc"}, {"*", ""}, {"**a", "ba"}, {"?", ""}, {"a*a*b", "aaab"}, {"*ab*ab", "abab"}, {"a", "ab"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, text, s string) {
		if len(text) > 40 || len(s) > 40 || strings.ContainsAny(text, "[]\\$/") || strings.ContainsAny(s, "/") {
			return
		}
		for _, b := range []byte(text + s) {
			if b >= 0x80 {
				return
			}
		}
		p, err := compile(text, true, true)
		if err != nil {
			t.Fatal(err)
		}
		want, err := path.Match(text, s)
		if err != nil {
			return
		}
		if got := p.match(s, &Query{}, false); got != decided(want) {
			t.Errorf("%q matches %q: %v, want %v", text, s, got, want)
		}
		if want && p.match(strings.ToUpper(s), &Query{}, true) != yes {
			t.Errorf("%q does not match %q without case", text, strings.ToUpper(s))
		}
	})
}

// A character is one character, however many bytes it has.
func TestQuestionMarkIsOneCharacter(t *testing.T) {
	p, err := compile("a?b", true, true)
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]outcome{"aéb": yes, "a🔑b": yes, "ab": no, "aeeb": no} {
		if got := p.match(s, &Query{}, false); got != want {
			t.Errorf("a?b matches %q: %v, want %v", s, got, want)
		}
	}
}

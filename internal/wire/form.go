package wire

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// unescapeForm decodes one name or value of a form. It refuses what net/url would let pass or read otherwise than other
// parsers: a semicolon, a byte outside ASCII, text that is not UTF-8.
func unescapeForm(s string) (string, error) {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x21 || c > 0x7e || c == ';' {
			return "", malformed("a valid form")
		}
	}
	if !strings.ContainsAny(s, "%+") {
		return s, nil
	}
	out, err := url.QueryUnescape(s)
	if err != nil || !utf8.ValidString(out) {
		return "", malformed("a valid form")
	}
	return out, nil
}

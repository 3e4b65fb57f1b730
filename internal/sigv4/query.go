package sigv4

import (
	"cmp"
	"slices"
	"strings"
)

// parameter is one parameter of a query, decoded and as it is signed.
type parameter struct {
	name, value             string
	signedName, signedValue string
}

// parseQuery takes the query apart as net/url does. A bare semicolon is refused, because net/url drops such parameters,
// while signing them would treat it like %3B.
func parseQuery(raw string) ([]parameter, error) {
	if raw == "" {
		return nil, nil
	}
	var all []parameter
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		if len(all) == maxParameters {
			return nil, refuse(Malformed, "the query has more than 128 parameters")
		}
		name, value, _ := strings.Cut(part, "=")
		var p parameter
		var ok [2]bool
		p.name, p.signedName, ok[0] = unescape(name)
		p.value, p.signedValue, ok[1] = unescape(value)
		if !ok[0] || !ok[1] {
			return nil, refuse(Malformed, "the query has a percent sign without two hexadecimal digits, or a bare semicolon")
		}
		all = append(all, p)
	}
	return all, nil
}

// unescape returns s decoded, and encoded again in the one way in which it is signed.
func unescape(s string) (decoded, signed string, ok bool) {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = alphanumeric(s[i]) || strings.IndexByte("-._~", s[i]) >= 0
	}
	if plain {
		return s, s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			b = append(b, ' ')
		case ';':
			return "", "", false
		case '%':
			if i+2 >= len(s) {
				return "", "", false
			}
			high, low := strings.IndexByte(upperHex, upper(s[i+1])), strings.IndexByte(upperHex, upper(s[i+2]))
			if high < 0 || low < 0 {
				return "", "", false
			}
			b = append(b, byte(high<<4|low))
			i += 2
		default:
			b = append(b, c)
		}
	}
	decoded = string(b)
	return decoded, string(appendEscaped(make([]byte, 0, len(s)), decoded, '~')), true
}

// upper makes a hexadecimal digit upper case.
func upper(c byte) byte {
	if c >= 'a' && c <= 'f' {
		return c - 'a' + 'A'
	}
	return c
}

// appendQuery appends the parameters as they are signed: sorted by name, then value, and without the signature itself.
func appendQuery(b []byte, query []parameter) []byte {
	sorted := slices.Clone(query)
	slices.SortStableFunc(sorted, func(x, y parameter) int {
		return cmp.Or(strings.Compare(x.signedName, y.signedName), strings.Compare(x.signedValue, y.signedValue))
	})
	first := true
	for _, p := range sorted {
		if p.name == "X-Amz-Signature" {
			continue
		}
		if !first {
			b = append(b, '&')
		}
		first = false
		b = append(append(append(b, p.signedName...), '='), p.signedValue...)
	}
	return b
}

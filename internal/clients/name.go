package clients

import (
	"strings"
	"unicode"
)

// maxName is how long a name may be that a client gives itself, in characters.
const maxName = 64

// CleanName returns name so that it can be shown to people who decide by it: one line of at most 64 visible characters.
//
// Nothing in it turns the direction of writing, is invisible, opens or ends a quotation, or stacks marks over other lines;
// whatever is not a letter, mark, digit or common sign becomes a space, and spaces in a row become one. Whether the name is
// the client's own is not known.
func CleanName(name string) string {
	var b strings.Builder
	length, marks, space := 0, 0, false
	for _, r := range name {
		switch {
		case unicode.IsMark(r) && visible(r):
			if marks++; marks > maxMarks || length == 0 || space {
				continue
			}
		case visible(r):
			marks = 0
		default:
			space = true
			continue
		}
		if space && length > 0 {
			if length++; length >= maxName {
				break
			}
			b.WriteByte(' ')
		}
		if length++; length > maxName {
			break
		}
		space = false
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " ")
}

// maxMarks is how many marks may stand on one letter. Vietnamese and Hebrew need two.
const maxMarks = 2

// blank are letters and signs that Unicode counts as visible and that show nothing.
var blank = []rune{'\u115F', '\u1160', '\u3164', '\uFFA0', '\u2800', '\uFFFC', '\uFFFD', '\u17B4', '\u17B5', '\u034F'}

// visible tells whether r may stand in a name. Quotation marks may not, since names are shown between such.
func visible(r rune) bool {
	switch {
	case !unicode.IsPrint(r) || r == ' ': // without control, format and bidirectional characters, and all other spaces
		return false
	case r == '’':
		return true
	case r == '"' || r == '`' || unicode.In(r, unicode.Pi, unicode.Pf, unicode.Quotation_Mark) && r != '\'':
		return false
	case unicode.In(r, unicode.Me, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		return false
	}
	for _, b := range blank {
		if r == b {
			return false
		}
	}
	return true
}

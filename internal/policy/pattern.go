package policy

import (
	"errors"
	"strings"
)

// pieceKind is what a piece of a pattern stands for.
type pieceKind byte

const (
	literal  pieceKind = iota
	star               // *: any characters, also none
	one                // ?: one character
	variable           // ${key} or ${key, 'default'}
)

// piece is a part of a pattern.
type piece struct {
	kind pieceKind
	text string // of a literal; of a variable, its key
	// otherwise is the default of a variable, where hasOtherwise.
	otherwise    string
	hasOtherwise bool
}

// pattern is a text with wildcards and policy variables. The value of a variable is compared as it is: wildcards in it are
// plain characters (IAM user guide, "Policy variables").
type pattern struct {
	pieces []piece
	// hasVariables tells whether the outcome depends on the keys of a query.
	hasVariables bool
}

// compile reads a pattern. With wild false, * and ? are plain characters; with variables false, ${ is.
func compile(text string, wild, variables bool) (pattern, error) {
	var p pattern
	plain := func(s string) {
		if n := len(p.pieces); n > 0 && p.pieces[n-1].kind == literal {
			p.pieces[n-1].text += s
			return
		}
		p.pieces = append(p.pieces, piece{kind: literal, text: s})
	}
	for i := 0; i < len(text); {
		switch {
		case wild && text[i] == '*':
			if n := len(p.pieces); n == 0 || p.pieces[n-1].kind != star { // ** is *
				p.pieces = append(p.pieces, piece{kind: star})
			}
			i++
		case wild && text[i] == '?':
			p.pieces = append(p.pieces, piece{kind: one})
			i++
		case variables && strings.HasPrefix(text[i:], "${"):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return p, errors.New("a policy variable has no end: ${ without }")
			}
			inside := text[i+2 : i+end]
			i += end + 1
			if inside == "*" || inside == "?" || inside == "$" { // the escapes of these characters
				plain(inside)
				continue
			}
			v, err := compileVariable(inside)
			if err != nil {
				return p, err
			}
			p.pieces, p.hasVariables = append(p.pieces, v), true
		default:
			next := strings.IndexAny(text[i+1:], "*?$")
			if next < 0 {
				next = len(text)
			} else {
				next += i + 1
			}
			plain(text[i:next])
			i = next
		}
	}
	return p, nil
}

// compileVariable reads what stands between ${ and }.
func compileVariable(inside string) (piece, error) {
	key, otherwise, has := strings.Cut(inside, ",")
	v := piece{kind: variable, text: strings.TrimSpace(key), hasOtherwise: has}
	if v.text == "" || strings.ContainsAny(v.text, "${'\" ") {
		return v, errors.New("a policy variable must name a condition key, like ${aws:username}")
	}
	if has {
		quoted := strings.TrimSpace(otherwise)
		if len(quoted) < 2 || quoted[0] != '\'' || quoted[len(quoted)-1] != '\'' {
			return v, errors.New("the default of a policy variable must be in single quotes, like ${aws:username, 'nobody'}")
		}
		v.otherwise = quoted[1 : len(quoted)-1]
	}
	return v, nil
}

// outcome is whether something matches. A thing that cannot be decided is for an Allow as if it did not match, and for a
// Deny as if it did.
type outcome int8

const (
	no outcome = iota
	yes
	undecided
)

func decided(b bool) outcome {
	if b {
		return yes
	}
	return no
}

// match tells whether s is what the pattern says, with the variables of q. A variable that q lacks, or has several values
// for, leaves it undecided. fold compares letters of ASCII without case.
//
// It takes time in proportion to the product of the lengths at worst, because it goes back to the last * only.
func (p *pattern) match(s string, q *Query, fold bool) outcome {
	if p.hasVariables {
		for i := range p.pieces {
			if v := &p.pieces[i]; v.kind == variable {
				if _, ok := v.value(q); !ok {
					return undecided
				}
			}
		}
	}
	if len(p.pieces) == 1 && p.pieces[0].kind == literal { // most actions
		return decided(len(s) == len(p.pieces[0].text) && hasPrefix(s, p.pieces[0].text, fold))
	}
	pi, i := 0, 0            // the next piece, and the next character of s
	starPiece, mark := -1, 0 // behind the last *, and where in s it is taken to end
	for pi < len(p.pieces) || i < len(s) {
		if pi < len(p.pieces) {
			switch c := &p.pieces[pi]; c.kind {
			case star:
				pi++
				starPiece, mark = pi, i
				if mark = p.seek(starPiece, s, mark, fold); mark < 0 {
					return no
				}
				i = mark
				continue
			case one:
				if i < len(s) {
					pi++
					i += runeLength(s[i:])
					continue
				}
			default:
				text := c.text
				if c.kind == variable {
					text, _ = c.value(q)
				}
				if hasPrefix(s[i:], text, fold) {
					pi++
					i += len(text)
					continue
				}
			}
		} else if starPiece == len(p.pieces) {
			return yes // a * at the end takes the rest
		}
		if starPiece < 0 || mark >= len(s) {
			return no
		}
		if mark = p.seek(starPiece, s, mark+1, fold); mark < 0 {
			return no
		}
		pi, i = starPiece, mark
	}
	return yes
}

// seek returns the first place in s from begin on where the piece behind a * can begin, or less than 0.
func (p *pattern) seek(pi int, s string, begin int, fold bool) int {
	if fold || pi == len(p.pieces) || p.pieces[pi].kind != literal {
		return begin
	}
	text := p.pieces[pi].text
	if pi == len(p.pieces)-1 { // nothing follows, so it is the end of s
		if end := len(s) - len(text); end >= begin && s[end:] == text {
			return end
		}
		return -1
	}
	if next := strings.Index(s[begin:], text); next >= 0 {
		return begin + next
	}
	return -1
}

// hasPrefix is strings.HasPrefix, with fold without the case of letters of ASCII.
func hasPrefix(s, prefix string, fold bool) bool {
	if len(s) < len(prefix) {
		return false
	}
	if same := s[:len(prefix)] == prefix; same || !fold {
		return same
	}
	for i := range len(prefix) {
		if s[i] != prefix[i] && lower(s[i]) != lower(prefix[i]) {
			return false
		}
	}
	return true
}

// value returns what a variable stands for.
func (c *piece) value(q *Query) (string, bool) {
	values := q.values(c.text)
	if len(values) == 1 {
		return values[0], true
	}
	return c.otherwise, c.hasOtherwise && len(values) == 0
}

// runeLength returns how many bytes the first character of s has.
func runeLength(s string) int {
	n := 1
	for n < len(s) && n < 4 && s[n]&0xc0 == 0x80 {
		n++
	}
	return n
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// matchAny tells whether s is what one of patterns says.
func matchAny(patterns []pattern, s string, q *Query, fold bool) outcome {
	found := no
	for i := range patterns {
		switch patterns[i].match(s, q, fold) {
		case yes:
			return yes
		case undecided:
			found = undecided
		}
	}
	return found
}

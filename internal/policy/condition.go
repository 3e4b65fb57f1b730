package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// family is what the values of an operator are.
type family byte

const (
	ofNothing family = iota // the zero value, which no operator has: it cannot be decided
	ofString
	ofPattern
	ofARN
	ofNumber
	ofDate
	ofBool
	ofAddress
	ofBinary
	ofNull
)

// operator is one of IAM's condition operators (IAM JSON policy elements, "Condition operators").
type operator struct {
	family  family
	negated bool // it holds for what is not the value
	fold    bool // letters are compared without case
	compare comparison
}

// operators are all that there are. The prefixes ForAllValues: and ForAnyValue: and the suffix IfExists go with each but Null.
var operators = map[string]operator{
	"StringEquals":              {family: ofString},
	"StringNotEquals":           {family: ofString, negated: true},
	"StringEqualsIgnoreCase":    {family: ofString, fold: true},
	"StringNotEqualsIgnoreCase": {family: ofString, fold: true, negated: true},
	"StringLike":                {family: ofPattern},
	"StringNotLike":             {family: ofPattern, negated: true},
	"ArnEquals":                 {family: ofARN},
	"ArnLike":                   {family: ofARN},
	"ArnNotEquals":              {family: ofARN, negated: true},
	"ArnNotLike":                {family: ofARN, negated: true},
	"NumericEquals":             {family: ofNumber},
	"NumericNotEquals":          {family: ofNumber, negated: true},
	"NumericLessThan":           {family: ofNumber, compare: less},
	"NumericLessThanEquals":     {family: ofNumber, compare: lessOrEqual},
	"NumericGreaterThan":        {family: ofNumber, compare: greater},
	"NumericGreaterThanEquals":  {family: ofNumber, compare: greaterOrEqual},
	"DateEquals":                {family: ofDate},
	"DateNotEquals":             {family: ofDate, negated: true},
	"DateLessThan":              {family: ofDate, compare: less},
	"DateLessThanEquals":        {family: ofDate, compare: lessOrEqual},
	"DateGreaterThan":           {family: ofDate, compare: greater},
	"DateGreaterThanEquals":     {family: ofDate, compare: greaterOrEqual},
	"Bool":                      {family: ofBool},
	"BinaryEquals":              {family: ofBinary},
	"IpAddress":                 {family: ofAddress},
	"NotIpAddress":              {family: ofAddress, negated: true},
	"Null":                      {family: ofNull},
}

// set is how the values of a key of many values are looked at.
type set byte

const (
	single set = iota
	forAny     // one of them is enough
	forAll     // each must be
)

// condition is one operator on one key.
type condition struct {
	name     string // as it is written, for explanations
	key      string
	op       operator
	set      set
	ifExists bool
	wants    []want
}

// want is one value that a condition compares with.
type want struct {
	pattern  pattern    // of ofString and ofPattern
	arn      [6]pattern // of ofARN
	anything bool       // of ofARN: *
	number   float64
	date     time.Time
	truth    bool // of ofBool and ofNull
	prefix   netip.Prefix
	binary   string // in base64
}

// compileCondition reads one operator with one key and its values.
func compileCondition(name, key string, values []string, variables bool) (condition, error) {
	c := condition{name: name, key: key}
	rest := name
	if after, ok := strings.CutPrefix(rest, "ForAnyValue:"); ok {
		rest, c.set = after, forAny
	} else if after, ok := strings.CutPrefix(rest, "ForAllValues:"); ok {
		rest, c.set = after, forAll
	}
	rest, c.ifExists = strings.CutSuffix(rest, "IfExists")
	op, ok := operators[rest]
	if !ok || op.family == ofNull && (c.ifExists || c.set != single) {
		return c, fmt.Errorf("condition operator %q is not one of IAM's", name)
	}
	c.op = op
	if key == "" || len(values) == 0 {
		return c, fmt.Errorf("condition %s needs a key with at least one value", name)
	}
	for _, v := range values {
		w, err := compileWant(op, v, variables)
		if err != nil {
			return c, fmt.Errorf("condition %s of %s: %w", name, key, err)
		}
		c.wants = append(c.wants, w)
	}
	return c, nil
}

func compileWant(op operator, v string, variables bool) (w want, err error) {
	switch op.family {
	case ofString:
		w.pattern, err = compile(v, false, variables)
	case ofPattern:
		w.pattern, err = compile(v, true, variables)
	case ofARN:
		if v == "*" {
			w.anything = true
			return w, nil
		}
		parts := splitARN(v)
		if len(parts) != len(w.arn) {
			return w, errors.New("a value must be an ARN of six parts, or *")
		}
		for i, part := range parts {
			if w.arn[i], err = compile(part, true, variables); err != nil {
				return w, err
			}
		}
	case ofNumber:
		w.number, err = parseNumber(v)
	case ofDate:
		w.date, err = parseDate(v)
	case ofBool, ofNull:
		w.truth, err = parseBool(v)
	case ofAddress:
		w.prefix, err = parsePrefix(v)
	case ofBinary:
		w.binary = v
		if !isBase64(v) {
			err = errors.New("a value must be base64, with padding")
		}
	}
	return w, err
}

// splitARN splits an ARN at its first five colons that are not inside of a variable.
func splitARN(s string) []string {
	parts := make([]string, 0, 6)
	begin, inside := 0, false
	for i := 0; i < len(s) && len(parts) < 5; i++ {
		switch {
		case strings.HasPrefix(s[i:], "${"):
			inside = true
		case s[i] == '}':
			inside = false
		case s[i] == ':' && !inside:
			parts = append(parts, s[begin:i])
			begin = i + 1
		}
	}
	return append(parts, s[begin:])
}

// holds tells whether the condition holds for q. A key that is missing is not equal to anything, so that negated operators
// hold and the others do not (IAM user guide, "Condition operators"). A value of the request that is not of the operator's
// type leaves it undecided.
func (c *condition) holds(q *Query) outcome {
	if c.op.family == ofNothing {
		return undecided
	}
	values := q.values(c.key)
	if c.op.family == ofNull {
		return decided(slices.ContainsFunc(c.wants, func(w want) bool { return w.truth == (len(values) == 0) }))
	}
	if len(values) == 0 {
		if c.ifExists {
			return yes
		}
		switch c.set {
		case forAll:
			return yes // of no values, each is
		case forAny:
			return no
		}
		return decided(c.op.negated)
	}
	all, some, open := true, false, false
	for _, v := range values {
		switch c.is(v, q) {
		case yes:
			some = true
		case no:
			all = false
		case undecided:
			open = true
		}
	}
	// Without a set operator, IAM knows keys of one value only. With more, a negated operator must hold for each, and the
	// others for one, so that it stays the negation.
	if c.set == forAll || c.set == single && c.op.negated {
		if !all {
			return no
		}
		if open {
			return undecided
		}
		return yes
	}
	if some {
		return yes
	}
	if open {
		return undecided
	}
	return no
}

// is tells whether one value of the request is what the operator wants: one of the values, or with a negated operator none.
func (c *condition) is(v string, q *Query) outcome {
	found := no
	for i := range c.wants {
		switch c.meets(&c.wants[i], v, q) {
		case yes:
			return decided(!c.op.negated)
		case undecided:
			found = undecided
		}
	}
	if found == undecided {
		return undecided
	}
	return decided(c.op.negated)
}

// meets compares v with one value of the condition, as the operator does that is not negated.
func (c *condition) meets(w *want, v string, q *Query) outcome {
	switch c.op.family {
	case ofString, ofPattern:
		return w.pattern.match(v, q, c.op.fold)
	case ofARN:
		return w.matchARN(v, q)
	case ofNumber:
		n, err := parseNumber(v)
		if err != nil {
			return undecided
		}
		return decided(c.op.compare.holds(compareNumbers(n, w.number)))
	case ofDate:
		t, err := parseDate(v)
		if err != nil {
			return undecided
		}
		return decided(c.op.compare.holds(t.Compare(w.date)))
	case ofBool:
		b, err := parseBool(v)
		if err != nil {
			return undecided
		}
		return decided(b == w.truth)
	case ofAddress:
		a, err := netip.ParseAddr(v)
		if err != nil || a.Zone() != "" {
			return undecided
		}
		return decided(w.prefix.Contains(a.Unmap()))
	case ofBinary:
		if !isBase64(v) {
			return undecided
		}
		return decided(v == w.binary)
	}
	return undecided
}

// matchARN compares part by part, so that a wildcard never reaches over a colon into the next.
func (w *want) matchARN(v string, q *Query) outcome {
	if w.anything {
		return yes
	}
	found, rest := yes, v
	for i := range w.arn {
		part := rest
		if i < len(w.arn)-1 {
			var ok bool
			if part, rest, ok = strings.Cut(rest, ":"); !ok {
				return undecided // v is no ARN
			}
		}
		switch w.arn[i].match(part, q, false) {
		case no:
			return no
		case undecided:
			found = undecided
		}
	}
	return found
}

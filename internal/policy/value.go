package policy

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// comparison is how an operator of numbers or dates compares.
type comparison byte

const (
	equal comparison = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

func compareNumbers(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// holds tells whether a comparison with that result (negative, zero, positive) is what c wants.
func (c comparison) holds(result int) bool {
	switch c {
	case less:
		return result < 0
	case lessOrEqual:
		return result <= 0
	case greater:
		return result > 0
	case greaterOrEqual:
		return result >= 0
	}
	return result == 0
}

func parseNumber(v string) (float64, error) {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n != n || strings.ContainsAny(v, "xXpP_nN") { // no hexadecimal, no infinity
		return 0, errors.New("a value must be a number")
	}
	return n, nil
}

var errDate = errors.New("a value must be a date like 2026-11-28T12:00:00Z, or seconds since the epoch")

// dateForms are those of the W3C note on ISO 8601 that IAM takes.
var dateForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"}

func parseDate(v string) (time.Time, error) {
	// The shape is looked at first, because an attempt that fails allocates, and many statements may ask for one date.
	if len(v) != 4 && strings.Trim(v, "-0123456789") == "" && strings.LastIndexByte(v, '-') <= 0 { // four digits are a year
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return time.Unix(n, 0).UTC(), nil
		}
		return time.Time{}, errDate
	}
	for _, form := range dateForms {
		if t, err := time.Parse(form, v); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errDate
}

func parseBool(v string) (bool, error) {
	switch {
	case strings.EqualFold(v, "true"):
		return true, nil
	case strings.EqualFold(v, "false"):
		return false, nil
	}
	return false, errors.New("a value must be true or false")
}

func parsePrefix(v string) (netip.Prefix, error) {
	if strings.Contains(v, "/") {
		p, err := netip.ParsePrefix(v)
		if err != nil || p.Addr().Is4In6() {
			return p, errors.New("a value must be an address or a CIDR range")
		}
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(v)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, errors.New("a value must be an address or a CIDR range")
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// isBase64 tells whether v is the base64 of some bytes (RFC 4648 section 4), in the one way that there is to write them, so
// that bytes are equal where their base64 is.
func isBase64(v string) bool {
	text := strings.TrimSuffix(strings.TrimSuffix(v, "="), "=")
	if len(v)%4 != 0 {
		return false
	}
	last := 0
	for i := range len(text) {
		if last = strings.IndexByte(base64Alphabet, text[i]); last < 0 {
			return false
		}
	}
	// The bits of the last character that belong to no byte are zero (section 3.5).
	return last&(1<<(2*(len(v)-len(text)))-1) == 0
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

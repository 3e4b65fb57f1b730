package signin

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestSessionIDsSortByTime(t *testing.T) {
	at := time.Date(2026, 11, 21, 20, 30, 15, 123_000_000, time.UTC)
	earlier, later := NewSessionID(at), NewSessionID(at.Add(time.Millisecond))
	if bytes.Compare(earlier[:], later[:]) >= 0 {
		t.Errorf("NewSessionID at t = %s, a millisecond later %s, want ascending", earlier, later)
	}
	if again := NewSessionID(at); again == earlier || !bytes.Equal(again[:6], earlier[:6]) {
		t.Errorf("two ids of one moment are %s and %s, want the same time and other random bits", earlier, again)
	}
	// RFC 9562 section 5.7: the milliseconds, version 7, variant 10.
	s := earlier.String()
	if got, want := s[0:8]+s[9:13], "01a1ffcd6c53"; got != want {
		t.Errorf("the time in %s is %s, want %s", s, got, want)
	}
	if s[14] != '7' || !strings.ContainsRune("89ab", rune(s[19])) {
		t.Errorf("%s is not of version 7, variant 10", s)
	}
}

func TestParseSessionIDReadsWhatStringWrote(t *testing.T) {
	id := NewSessionID(time.Now())
	got, err := ParseSessionID(id.String())
	if err != nil || got != id {
		t.Errorf("ParseSessionID(%s) = %s, %v", id, got, err)
	}
	s := id.String()
	for _, bad := range []string{
		"", s[1:], s + "0", strings.ReplaceAll(s, "-", ""), strings.ReplaceAll(s, "-", "_"), "{" + s + "}", "g" + s[1:], s[:35] + "\n",
		s[:7] + "-" + s[7:8] + s[9:], "urn:uuid:" + s,
	} {
		if got, err := ParseSessionID(bad); err == nil || got != (SessionID{}) {
			t.Errorf("ParseSessionID(%q) = %s, %v, want an error", bad, got, err)
		}
	}
}

func TestUniqueIDsAreReadBack(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		for _, prefix := range []string{PrefixPerson, PrefixRole, PrefixGroup, PrefixAccessKey, PrefixTemporary} {
			id := NewUniqueID(prefix)
			body, ok := UniqueIDBody(prefix, id)
			if !ok || UniqueID(prefix, body) != id || len(id) != 20 || seen[id] {
				t.Errorf("UniqueIDBody(%s, %q) = %x, %v; seen before: %v", prefix, id, body, ok, seen[id])
			}
			seen[id] = true
		}
	}
}

func TestUniqueIDBodyRefusesWhatIsNoID(t *testing.T) {
	good := "AROA234567ABCDEFGHIJ"
	if _, ok := UniqueIDBody(PrefixRole, good); !ok {
		t.Fatalf("UniqueIDBody(AROA, %q) = false, want true", good)
	}
	for name, id := range map[string]string{
		"another prefix":         "AIDA234567ABCDEFGHIJ",
		"nothing":                "",
		"a character too few":    good[:19],
		"a character too many":   good + "A",
		"lower case":             strings.ToLower(good),
		"a digit of no base32":   "AROA134567ABCDEFGHIJ",
		"a newline":              good[:19] + "\n",
		"eight newlines":         good[:12] + strings.Repeat("\n", 8),
		"padding":                good[:12] + "========",
		"a character of 2 bytes": good[:18] + "é",
	} {
		if body, ok := UniqueIDBody(PrefixRole, id); ok {
			t.Errorf("%s: UniqueIDBody(AROA, %q) = %x, true, want false", name, id, body)
		}
	}
}

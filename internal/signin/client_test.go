package signin

import (
	"strings"
	"testing"
)

func TestDevtoolsClientsNeedNoRegistration(t *testing.T) {
	for _, id := range []string{SameDevice, CrossDevice} {
		if c, ok := DevtoolsClient(id); !ok || c.ID != id || c.Class != Devtools || c.Name == "" || !ValidClientID(id) {
			t.Errorf("DevtoolsClient(%q) = %+v, %v", id, c, ok)
		}
	}
	for _, id := range []string{"", SameDevice + "x", strings.ToUpper(SameDevice), ConfidentialPrefix + "app"} {
		if c, ok := DevtoolsClient(id); ok {
			t.Errorf("DevtoolsClient(%q) = %+v, true, want false", id, c)
		}
	}
}

func TestNamesKeepTheirPatterns(t *testing.T) {
	for _, tt := range []struct {
		what  string
		valid func(string) bool
		good  []string
		bad   []string
	}{
		{"client name", ValidClientName,
			[]string{"a", "0", "app-1", strings.Repeat("a", 26)},
			[]string{"", "-a", "A", "a_b", "a b", "a\n", "ä", strings.Repeat("a", 27)}},
		{"client id", ValidClientID,
			[]string{SameDevice, CrossDevice, ConfidentialPrefix + "app", ConfidentialPrefix + strings.Repeat("a", 26)},
			[]string{"", ConfidentialPrefix, ConfidentialPrefix + "A", ConfidentialPrefix + "a\n", SameDevice + " ", "app", strings.ToUpper(SameDevice),
				ConfidentialPrefix + strings.Repeat("a", 27)}},
		{"account", ValidAccount,
			[]string{"111122223333", "000000000000"},
			[]string{"", "11112222333", "1111222233334", "11112222333a", "111122223333\n", "١١١١٢٢٢٢٣٣٣٣"}},
		{"role name", ValidRoleName,
			[]string{"R", "Read_Only+=,.@-1", strings.Repeat("r", 64)},
			[]string{"", "a/b", "a:b", "a b", "ä", "a\n", strings.Repeat("r", 65)}},
		{"person name", ValidPersonName,
			[]string{"al", "alice@example.com", strings.Repeat("p", 64)},
			[]string{"", "a", "a/b", "a:b", "a b", "älice", "al\n", strings.Repeat("p", 65)}},
	} {
		for _, s := range tt.good {
			if !tt.valid(s) {
				t.Errorf("%s %q is refused", tt.what, s)
			}
		}
		for _, s := range tt.bad {
			if tt.valid(s) {
				t.Errorf("%s %q is allowed", tt.what, s)
			}
		}
	}
	// The longest of all fits into a code.
	if n := len(ConfidentialPrefix) + 26; n > MaxClientID {
		t.Errorf("the longest client id has %d characters, MaxClientID is %d", n, MaxClientID)
	}
}

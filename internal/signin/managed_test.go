package signin_test

import (
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
)

func TestPolicyNamesAreThoseOfIAM(t *testing.T) {
	for name, want := range map[string]bool{
		"OfficeOnly": true, "a": true, "a_+=,.@-9": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a/b": false, "a b": false, "a*": false, "é": false, "a\n": false,
	} {
		if got := signin.ValidPolicyName(name); got != want {
			t.Errorf("ValidPolicyName(%q) = %v, want %v", name, got, want)
		}
	}
	if got, want := signin.PolicyARN("111122223333", "OfficeOnly"), "arn:aws:iam::111122223333:policy/OfficeOnly"; got != want {
		t.Errorf("PolicyARN() = %s, want %s", got, want)
	}
}

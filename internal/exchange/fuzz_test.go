package exchange

import (
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// What is taken for a scope is what is carried: the same bytes, of ARNs of policies, each once.
func FuzzScope(f *testing.F) {
	f.Add("")
	f.Add("arn:aws:iam::aws:policy/A arn:aws:iam::111122223333:policy/path/b+c")
	f.Add("arn:aws:iam::aws:policy/A  arn:aws:iam::aws:policy/A\n")
	f.Add(`arn:aws:iam::aws:policy/A"`)
	f.Fuzz(func(t *testing.T, scope string) {
		all, err := parseScope(scope)
		if err != nil {
			if signin.KindOf(err) != signin.ScopeInvalid {
				t.Errorf("parseScope = %v, want a fault about the scope", err)
			}
			return
		}
		if strings.Join(all, " ") != scope || len(all) > maxPolicies || strings.ContainsAny(scope, "\"\\\n\t*") {
			t.Errorf("parseScope(%q) = %q", scope, all)
		}
		seen := map[string]bool{}
		for _, arn := range all {
			if seen[arn] || !strings.HasPrefix(arn, "arn:aws:iam::") {
				t.Errorf("parseScope(%q) has %q", scope, arn)
			}
			seen[arn] = true
		}
	})
}

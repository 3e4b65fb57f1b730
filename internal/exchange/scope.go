package exchange

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// maxPolicies is how many policies can narrow a token (STS AssumeRole, PolicyArns).
const maxPolicies = 10

// policyARN is the ARN of a managed policy: built in, or of an account.
var policyARN = regexp.MustCompile(`^arn:aws:iam::(aws|[0-9]{12}):policy/[A-Za-z0-9_+=,.@/-]{1,512}$`)

// parseScope returns the ARNs in a scope (RFC 6749 section 3.3: separated by single spaces).
func parseScope(scope string) ([]string, error) {
	if scope == "" {
		return nil, nil
	}
	var all []string
	for arn := range strings.SplitSeq(scope, " ") {
		switch {
		case !policyARN.MatchString(arn):
			return nil, signin.Refuse(signin.ScopeInvalid, "scope must be ARNs of managed policies, separated by single spaces")
		case slices.Contains(all, arn):
			return nil, signin.Refuse(signin.ScopeInvalid, "scope has a policy twice")
		case len(all) == maxPolicies:
			return nil, signin.Refuse(signin.ScopeInvalid, "scope must have at most %d policies", maxPolicies)
		}
		all = append(all, arn)
	}
	return all, nil
}

// checkScope returns the scope that the token carries, once all of its policies exist, built in or in the account. What they
// say is for the resource server: the token allows what the role is allowed and each of them allows.
func (e *Endpoint) checkScope(ctx context.Context, account string, scope []string) (string, error) {
	for _, arn := range scope {
		if _, ok := policy.ManagedByARN(arn); ok {
			continue
		}
		p, err := e.Policies.ManagedPolicyByARN(ctx, arn)
		if errors.Is(err, store.ErrNotFound) || err == nil && p.Account != account {
			return "", signin.Refuse(signin.ScopeInvalid, "scope names a policy that neither is built in nor belongs to account %s", account)
		}
		if err != nil {
			return "", fmt.Errorf("find policy: %w", err)
		}
	}
	return strings.Join(scope, " "), nil
}

package clients

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// permissionStatement is an entry of ListResourcePermissionStatements.
type permissionStatement struct {
	Sid       string
	Condition map[string]map[string][]string
}

// resourcePolicy is what GetResourcePolicy gives.
type resourcePolicy struct {
	SigninResourceBasedPolicy struct {
		Version   string
		Statement []struct {
			Effect    string
			Principal map[string]string
			Action    []string
			Resource  string
			Condition map[string]map[string][]string
		}
	}
}

// consoleAuthorization is what the three operations about it give.
type consoleAuthorization struct {
	TargetID, Scope             string
	ConsoleAuthorizationEnabled bool
}

// control is a call of an operation of the control plane.
func control(operation string, signer *keys, in input) call {
	return call{Operation: operation, Credentials: signer, Input: in}
}

// put makes a statement and returns its id.
func (s *scene) put(t *testing.T, signer *keys, in input) string {
	t.Helper()
	var made struct{ StatementID string }
	s.do(t, control("PutResourcePermissionStatement", signer, in), &made)
	if len(made.StatementID) < 64 {
		t.Errorf("statementId = %q, want 64 characters", made.StatementID)
	}
	return made.StatementID
}

func (s *scene) remove(t *testing.T, signer *keys, id string) {
	t.Helper()
	var nothing struct{}
	s.do(t, control("DeleteResourcePermissionStatement", signer, input{"statementId": id}), &nothing)
}

// TestPermissionStatements puts statements, finds them by the paginator of the SDK and in the policy, and deletes them.
func TestPermissionStatements(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		for name, signer := range s.signers() {
			t.Run(name, func(t *testing.T) {
				s.wantFault(t, control("GetResourcePolicy", signer, nil), "404 ResourceNotFoundException RESOURCE_NOT_FOUND")
				excluded := "arn:aws:iam::" + account + ":role/Developer"
				in := input{"sourceIp": "192.0.2.0/24", "excludedPrincipal": excluded, "clientToken": "first-" + s.program.name}
				want := map[string]string{s.put(t, signer, in): "192.0.2.0/24"} // source addresses by id
				if again := s.put(t, signer, in); want[again] == "" {
					t.Errorf("the same clientToken gave another statement, %s", again)
				}
				for i := range 4 { // without a clientToken, which the SDK then makes
					address := fmt.Sprintf("198.51.100.%d", i)
					want[s.put(t, signer, input{"sourceIp": address})] = address
				}
				inVPC := input{
					"sourceVpc": "vpc-0123456789abcdef0", "vpcSourceIp": "10.0.0.0/8", "requestedRegion": "us-east-1",
					"signinSourceVpce": "vpce-0123456789abcdef0", "consoleSourceVpce": "vpce-0fedcba9876543210",
				}
				want[s.put(t, signer, inVPC)] = ""

				got := map[string]string{}
				for _, p := range s.statements(t, signer, 2) {
					got[p.Sid] = address(p.Condition)
				}
				if !maps.Equal(got, want) {
					t.Errorf("the pages hold %v, want %v", got, want)
				}
				// Each of the five about addresses denies once before and once after authentication. The one about a VPC does so
				// four times, for what must not be otherwise are four things.
				s.wantPolicy(t, signer, 5+4, excluded)
				for id := range want {
					s.remove(t, signer, id)
					s.wantFault(t, control("DeleteResourcePermissionStatement", signer, input{"statementId": id}), "404 ResourceNotFoundException RESOURCE_NOT_FOUND")
				}
				if left := s.statements(t, signer, 100); len(left) > 0 {
					t.Errorf("after all were deleted, there are %v", left)
				}
			})
		}
	}, "PutResourcePermissionStatement")
}

// statements returns all statements of the account, by pages of that size.
func (s *scene) statements(t *testing.T, signer *keys, size int) []permissionStatement {
	t.Helper()
	var pages []struct{ PermissionStatements []permissionStatement }
	c := control("ListResourcePermissionStatements", signer, input{"maxResults": size})
	c.Pages = true
	s.do(t, c, &pages)
	var all []permissionStatement
	for i, page := range pages {
		if n := len(page.PermissionStatements); n > size || n < size && i < len(pages)-1 {
			t.Errorf("page %d of %d holds %d statements, want %d", i+1, len(pages), n, size)
		}
		all = append(all, page.PermissionStatements...)
	}
	return all
}

// address returns outside of which address a condition applies, or nothing.
func address(condition map[string]map[string][]string) string {
	return strings.Join(condition["NotIpAddress"]["aws:SourceIp"], ",")
}

// wantPolicy fails the test unless the policy denies that many times before authentication and as often after it, to
// whoever acts in the account but the excluded principal, and to everybody in the right form.
func (s *scene) wantPolicy(t *testing.T, signer *keys, times int, excluded string) {
	t.Helper()
	var p resourcePolicy
	s.do(t, control("GetResourcePolicy", signer, nil), &p)
	policy, actions, leftOut := p.SigninResourceBasedPolicy, map[string]int{}, map[string]int{}
	for _, statement := range policy.Statement {
		if statement.Effect != "Deny" || statement.Resource != "*" || statement.Principal["AWS"] != "*" ||
			!slices.Equal(statement.Condition["StringEquals"]["aws:ResourceAccount"], []string{account}) {
			t.Errorf("statement %+v", statement)
		}
		for _, action := range statement.Action {
			actions[action]++
		}
		for key, values := range statement.Condition["ArnNotEquals"] {
			if slices.Equal(values, []string{excluded}) {
				leftOut[key]++
			}
		}
	}
	wantActions := map[string]int{"signin:Authenticate": times, "signin:AuthorizeOAuth2Access": times, "signin:CreateOAuth2Token": times}
	wantLeftOut := map[string]int{"signin:PrincipalArn": 1, "aws:PrincipalArn": 1}
	if policy.Version != "2012-10-17" || !maps.Equal(actions, wantActions) || !maps.Equal(leftOut, wantLeftOut) {
		t.Errorf("policy of version %s denies %v but to whom %v say, want %v and %v", policy.Version, actions, leftOut, wantActions, wantLeftOut)
	}
}

// TestConsoleAuthorization: statements do nothing until they are switched on. Then logins from elsewhere get no tokens any
// more, and they do again when it is switched off.
func TestConsoleAuthorization(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		s.wantConsole(t, control("GetConsoleAuthorizationConfiguration", &s.login, nil), false)
		id := s.put(t, &s.login, input{"sourceIp": "192.0.2.0/24"}) // where nobody is
		session := login(t, s.server, awslogin.Options{})

		s.wantConsole(t, control("PutConsoleAuthorizationConfiguration", &s.login, input{"targetId": account}), true)
		s.wantConsole(t, control("GetConsoleAuthorizationConfiguration", &s.robot, nil), true)
		s.awaitRefresh(t, session, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS")
		if _, err := awslogin.Authorize(t.Context(), s.base, awslogin.Options{}); err == nil {
			t.Error("a login from outside is authorized")
		}

		// Signed calls are not affected: an administrator who locked everybody out can mend it.
		s.wantConsole(t, control("DeleteConsoleAuthorizationConfiguration", &s.robot, nil), false)
		s.awaitRefresh(t, session, "")
		s.remove(t, &s.robot, id)
	}, "PutConsoleAuthorizationConfiguration", "CreateOAuth2Token")
}

func (s *scene) wantConsole(t *testing.T, c call, enabled bool) {
	t.Helper()
	var got consoleAuthorization
	s.do(t, c, &got)
	if want := (consoleAuthorization{account, "ACCOUNT", enabled}); got != want {
		t.Errorf("%s = %+v, want %+v", c.Operation, got, want)
	}
}

// awaitRefresh refreshes until that is refused with want, or succeeds where want is empty.
func (s *scene) awaitRefresh(t *testing.T, session *awslogin.Session, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if r := s.call(t, s.refresh(t, session)); r.OK == (want == "") {
			if !r.OK {
				s.wantFault(t, s.refresh(t, session), want)
			}
			return
		}
	}
	t.Errorf("the refresh is not as wanted after %v: %q", patience, want)
}

package clients

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// administrator is the SDK's client of the control plane, with the access key of a service user.
type administrator struct {
	call func(t *testing.T, operation, input string) controlResult
}

// controlResult is what the SDK made of an answer.
type controlResult struct {
	Output struct {
		StatementID                 string
		TargetID                    string
		Scope                       string
		ConsoleAuthorizationEnabled bool
		NextToken                   string
		PermissionStatements        []struct {
			Sid       string
			Condition map[string]map[string][]string
		}
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
	Exception, Code, Message string
	Status                   int
}

// administer makes a service user who may do what document allows, and starts the SDK as them.
func administer(t *testing.T, s *server, name, document string) administrator {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	create := exec.CommandContext(t.Context(), filepath.Join(bin, "latchkey"), "key", "create", "--account", "111122223333", name,
		"--policy", file, "--json", "--config", filepath.Join(s.data, "latchkey.yaml"))
	made, err := create.Output()
	var key struct{ AccessKeyID, SecretAccessKey string }
	if err == nil {
		err = json.Unmarshal(made, &key)
	}
	if err != nil {
		t.Fatalf("key create: %v\n%s", err, made)
	}
	driver := exec.CommandContext(t.Context(), filepath.Join(bin, "go-control"))
	driver.Env = []string{
		"ENDPOINT=" + s.base, "HOME=" + t.TempDir(), "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=" + key.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + key.SecretAccessKey,
	}
	driver.Stderr = os.Stderr
	in, err := driver.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := driver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		driver.Wait()
	})
	lines := bufio.NewReader(out)
	return administrator{call: func(t *testing.T, operation, input string) controlResult {
		t.Helper()
		fmt.Fprintf(in, `{"operation":%q,"input":%s}`+"\n", operation, input)
		line, err := lines.ReadBytes('\n')
		var r controlResult
		if err == nil {
			err = json.Unmarshal(line, &r)
		}
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", operation, input, err, line)
		}
		return r
	}}
}

func (r controlResult) want(t *testing.T, what, exception, code string, status int) {
	t.Helper()
	if r.Exception != exception || r.Code != code || exception != "" && (r.Status != status || r.Message == "") {
		t.Errorf("%s = %+v, want %s %s %d", what, r, exception, code, status)
	}
}

const administratorPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:*","Resource":"*"}]}`

// TestControlPlane: the SDK reads every answer of the control plane, and knows every exception of its model by type.
func TestControlPlane(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	a := administer(t, s, "administrator", administratorPolicy)
	session := login(t, s, awslogin.Options{})

	a.call(t, "GetResourcePolicy", "{}").want(t, "no policy yet", "ResourceNotFoundException", "RESOURCE_NOT_FOUND", 404)
	put := a.call(t, "PutResourcePermissionStatement", `{"sourceIp":"203.0.113.0/24"}`) // the SDK gives it a token
	put.want(t, "put", "", "", 0)
	id := put.Output.StatementID
	if !regexp.MustCompile(`^[A-Za-z0-9+/]{64}=?$`).MatchString(id) {
		t.Errorf("statement id = %q", id)
	}
	first := a.call(t, "PutResourcePermissionStatement", `{"sourceIp":"203.0.112.0/20","clientToken":"one"}`)
	if again := a.call(t, "PutResourcePermissionStatement", `{"sourceIp":"203.0.112.0/20","clientToken":"one"}`); again.Output.StatementID != first.Output.StatementID {
		t.Errorf("put again = %+v, want the same statement", again)
	}
	a.call(t, "PutResourcePermissionStatement", `{"sourceIp":"198.51.100.7","clientToken":"one"}`).want(t, "another with the token", "ConflictException", "CONFLICT", 409)
	a.call(t, "PutResourcePermissionStatement", `{"sourceIp":"nowhere"}`).want(t, "a bad member", "ValidationException", "INVALID_REQUEST", 400)

	page := a.call(t, "ListResourcePermissionStatements", `{"maxResults":1}`)
	rest := a.call(t, "ListResourcePermissionStatements", fmt.Sprintf(`{"maxResults":100,"nextToken":%q}`, page.Output.NextToken))
	if len(page.Output.PermissionStatements) != 1 || len(rest.Output.PermissionStatements) != 1 || rest.Output.NextToken != "" ||
		page.Output.PermissionStatements[0].Sid != id || page.Output.PermissionStatements[0].Condition["NotIpAddress"]["aws:SourceIp"][0] != "203.0.113.0/24" {
		t.Errorf("pages = %+v, %+v", page, rest)
	}
	policy := a.call(t, "GetResourcePolicy", "{}").Output.SigninResourceBasedPolicy
	if policy.Version != "2012-10-17" || len(policy.Statement) != 4 || policy.Statement[0].Effect != "Deny" || policy.Statement[0].Principal["AWS"] != "*" ||
		policy.Statement[0].Action[0] != "signin:Authenticate" || policy.Statement[1].Action[1] != "signin:CreateOAuth2Token" ||
		policy.Statement[0].Resource != "*" || policy.Statement[0].Condition["StringEquals"]["aws:ResourceAccount"][0] != "111122223333" {
		t.Errorf("policy = %+v", policy)
	}

	if on := a.call(t, "GetConsoleAuthorizationConfiguration", `{}`).Output; on.ConsoleAuthorizationEnabled || on.TargetID != "111122223333" || on.Scope == "" {
		t.Errorf("console authorization = %+v, want off", on)
	}
	if on := a.call(t, "PutConsoleAuthorizationConfiguration", `{"targetId":"111122223333"}`).Output; !on.ConsoleAuthorizationEnabled {
		t.Errorf("put = %+v, want on", on)
	}
	a.call(t, "PutConsoleAuthorizationConfiguration", `{"targetId":"o-abcdefghij"}`).want(t, "an organization", "ResourceNotFoundException", "RESOURCE_NOT_FOUND", 404)
	a.call(t, "GetConsoleAuthorizationConfiguration", `{"targetId":"444455556666"}`).want(t, "another account", "AccessDeniedException", "INSUFFICIENT_PERMISSIONS", 403)

	// The statements take effect on who signed in, and not on who signs.
	awaitRefusal(t, session, "403 AccessDeniedException INSUFFICIENT_PERMISSIONS")
	if off := a.call(t, "DeleteConsoleAuthorizationConfiguration", `{}`); off.Output.ConsoleAuthorizationEnabled || off.Output.TargetID != "111122223333" || off.Exception != "" {
		t.Errorf("delete = %+v, want off", off)
	}
	a.call(t, "DeleteResourcePermissionStatement", fmt.Sprintf(`{"statementId":%q}`, id)).want(t, "delete", "", "", 0)
	a.call(t, "DeleteResourcePermissionStatement", fmt.Sprintf(`{"statementId":%q}`, id)).want(t, "delete again", "ResourceNotFoundException", "RESOURCE_NOT_FOUND", 404)

	for i := range 99 {
		a.call(t, "PutResourcePermissionStatement", fmt.Sprintf(`{"sourceIp":"10.0.%d.0/24"}`, i)).want(t, "put up to the quota", "", "", 0)
	}
	a.call(t, "PutResourcePermissionStatement", `{"sourceIp":"10.1.0.0/16"}`).want(t, "above the quota", "ServiceQuotaExceededException", "SERVICE_QUOTA_EXCEEDED", 402)

	nobody := administer(t, s, "nobody", strings.Replace(administratorPolicy, "signin:*", "signin:GetResourcePolicy", 1))
	nobody.call(t, "ListResourcePermissionStatements", "{}").want(t, "list by somebody who may not", "AccessDeniedException", "INSUFFICIENT_PERMISSIONS", 403)
	nobody.call(t, "GetResourcePolicy", "{}").want(t, "what they may", "", "", 0)
}

// TestControlPlaneTooFast: the SDK knows this exception too.
func TestControlPlaneTooFast(t *testing.T) {
	t.Parallel()
	s := start(t, "limits:\n  address: {per_second: 0.01, burst: 1}\n  wait: 0s\n")
	a := administer(t, s, "administrator", administratorPolicy)
	a.call(t, "ListResourcePermissionStatements", "{}").want(t, "the first", "", "", 0)
	r := a.call(t, "ListResourcePermissionStatements", "{}")
	r.want(t, "the second", "TooManyRequestsError", "INVALID_REQUEST", 429)
}

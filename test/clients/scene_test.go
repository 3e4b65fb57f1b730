package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

const (
	account  = "111122223333"               // the one of the development server
	resource = "https://api.example.com/v1" // what access tokens are for
	audience = "https://signin.example.com" // what tokens of an issuer are for
)

// mayAll allows every operation, and mayNothing none.
const (
	mayAll     = `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "signin:*", "Resource": "*"}}`
	mayNothing = `{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "signin:*", "Resource": "*"}}`
)

// scene is a server, a client's program that calls its operations, and what the program may sign with.
type scene struct {
	*server
	*program
	robot keys // a long-lived key of a service user, who may do all
	login keys // temporary credentials of a person's login, who may do all as well
	// session is the login.
	session *awslogin.Session
}

// eachClient runs test for every client that has all of the operations.
func eachClient(t *testing.T, config string, test func(t *testing.T, s *scene), operations ...string) {
	t.Helper()
	for _, c := range signinClients() {
		has := true
		for _, operation := range operations {
			has = has && c.has(operation)
		}
		if !has {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			test(t, newScene(t, c, config))
		})
	}
}

// newScene starts a server whose settings differ from the defaults by config, with all that operations need.
func newScene(t *testing.T, c signinClient, config string) *scene {
	t.Helper()
	c.require(t)
	s := &scene{server: start(t, config)}
	s.program = c.open(t, s.server)
	s.admin(t, "", "resource", "add", account, resource)
	s.admin(t, "", "role", "policy", account, "Developer", policyFile(t, mayAll))
	s.robot = s.serviceUser(t, "robot", mayAll)
	s.session = login(t, s.server, awslogin.Options{})
	s.login = keysOf(s.session.Answer)
	return s
}

// serviceUser makes a service user with that policy and returns an access key of it.
func (s *scene) serviceUser(t *testing.T, name, policy string) keys {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(bin, "latchkey"), "key", "create", "--account", account,
		"--policy", policyFile(t, policy), "--json", "--config", filepath.Join(s.data, "latchkey.yaml"), name)
	text, err := command.Output()
	if err != nil {
		t.Fatalf("latchkey key create: %v\n%s", err, text)
	}
	var printed struct{ AccessKeyID, SecretAccessKey string }
	if err := json.Unmarshal(text, &printed); err != nil {
		t.Fatal(err)
	}
	return keys{AccessKeyID: printed.AccessKeyID, SecretAccessKey: printed.SecretAccessKey}
}

func keysOf(a awslogin.Answer) keys {
	return keys{a.AccessToken.AccessKeyID, a.AccessToken.SecretAccessKey, a.AccessToken.SessionToken}
}

// signers are both ways in which a caller may sign.
func (s *scene) signers() map[string]*keys {
	return map[string]*keys{"long-lived key": &s.robot, "credentials of a login": &s.login}
}

func policyFile(t *testing.T, document string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// alter returns text with another character in its middle.
func alter(text string) string {
	middle := len(text) / 2
	with := "A"
	if strings.HasPrefix(text[middle:], with) {
		with = "B"
	}
	return text[:middle] + with + text[middle+1:]
}

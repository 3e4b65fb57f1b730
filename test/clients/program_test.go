package clients

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// signinClient is an SDK's client of the service itself, which a driver calls operations of.
type signinClient struct {
	client
	operations []string // nil: allOperations
	// newer are operations that the client has beside them and this server has not.
	newer []string
}

// allOperations are those of the service that are in the models of its SDKs.
var allOperations = []string{
	"CreateBearerToken", "CreateOAuth2Token", "CreateOAuth2TokenWithIAM", "CreateOAuth2TokenWithTokenExchange",
	"DeleteConsoleAuthorizationConfiguration", "DeleteResourcePermissionStatement", "GetConsoleAuthorizationConfiguration",
	"GetResourcePolicy", "IntrospectOAuth2TokenWithIAM", "ListResourcePermissionStatements",
	"PutConsoleAuthorizationConfiguration", "PutResourcePermissionStatement", "RevokeOAuth2TokenWithIAM",
}

// has tells whether the client has the operation.
func (c signinClient) has(operation string) bool {
	return c.operations == nil || slices.Contains(c.operations, operation)
}

// signinClients are the clients that have more than one operation, each in its newest version.
func signinClients() []signinClient {
	js, python := clientNamed("js-newest"), clientNamed("python-newest")
	js.argv = []string{"node", "js/operations.mjs", "js/newest"}
	python.argv = []string{python.argv[0], "python/operations.py"}
	return []signinClient{
		{client: client{name: "go-newest", sdk: goSDK, argv: []string{filepath.Join(bin, "go-operations")}}},
		{client: python, newer: []string{"BatchRevokeSessions", "GetSession", "ListSessions"}},
		{client: js, operations: []string{"CreateOAuth2Token", "CreateOAuth2TokenWithIAM"}},
	}
}

// TestClientsAreKnown: the table above is of what the clients have, so that no operation of a newer version stays unnoticed.
// To one that the server has not, it answers so that the client understands.
func TestClientsAreKnown(t *testing.T) {
	t.Parallel()
	eachClient(t, "", func(t *testing.T, s *scene) {
		want := append(slices.Clone(s.operations), s.newer...)
		if s.operations == nil {
			want = append(slices.Clone(allOperations), s.newer...)
		}
		var got []string
		if err := json.Unmarshal(s.call(t, call{}).Output, &got); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, and the tests are about %v", s.signinClient.name, got, want)
		}
		for _, operation := range s.newer {
			in := map[string]input{"GetSession": {"sessionArn": "arn"}, "BatchRevokeSessions": {"sessionArns": []string{"arn"}}}[operation]
			s.wantFault(t, control(operation, &s.robot, in), "404 ResourceNotFoundException RESOURCE_NOT_FOUND")
		}
	})
}

// keys are what a request is signed with.
type keys struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken,omitempty"`
}

// call is one call of an operation. Input has the members of the service's model.
type call struct {
	Operation   string            `json:"operation"`
	Input       input             `json:"input"`
	Credentials *keys             `json:"credentials,omitempty"` // nil: unsigned
	Headers     map[string]string `json:"headers,omitempty"`
	Pages       bool              `json:"pages,omitempty"` // all pages, by the SDK's paginator
}

type input map[string]any

// reply is what a driver prints of a call.
type reply struct {
	OK        bool            `json:"ok"`
	Output    json.RawMessage `json:"output"`
	RequestID string          `json:"requestId"`

	Exception string `json:"exception"` // the modelled type that the client recognised
	Code      string `json:"code"`      // its member error
	Status    int    `json:"status"`
	Message   string `json:"message"`
	Text      string `json:"text"`
}

// program is a driver that runs.
type program struct {
	signinClient
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr strings.Builder
}

// open starts the driver of c at s. It ends with the test.
func (c signinClient) open(t *testing.T, s *server) *program {
	t.Helper()
	c.require(t)
	p := &program{signinClient: c}
	command := exec.Command(c.argv[0], c.argv[1:]...)
	// What a client does about 5xx is another test's; here it shows what it makes of them.
	command.Env = home{dir: t.TempDir(), base: s.base, extra: []string{"AWS_MAX_ATTEMPTS=1"}}.environment()
	command.Stderr = &p.stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewReader(stdout)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stdin.Close()
		timer := time.AfterFunc(patience, func() { command.Process.Kill() })
		defer timer.Stop()
		if err := command.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, p.stderr.String())
		}
	})
	return p
}

// call makes a call and returns what came of it.
func (p *program) call(t *testing.T, c call) reply {
	t.Helper()
	if c.Input == nil {
		c.Input = input{}
	}
	line, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.stdin.Write(append(line, '\n')); err != nil {
		t.Fatalf("%s: %v\n%s", p.name, err, p.stderr.String())
	}
	text, err := p.stdout.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%s at %s: %v\n%s", p.name, c.Operation, err, p.stderr.String())
	}
	var r reply
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%s printed %q: %v", p.name, text, err)
	}
	return r
}

// do makes a call that must succeed, and puts what came of it into output. The drivers spell the members of an output as
// their languages do, which differ in the case of the first letter: encoding/json takes either.
func (p *program) do(t *testing.T, c call, output any) {
	t.Helper()
	r := p.call(t, c)
	if !r.OK {
		t.Fatalf("%s: %s = %d %s %s: %s", p.name, c.Operation, r.Status, r.Exception, r.Code, r.Text)
	}
	if r.RequestID == "" {
		t.Errorf("%s: %s has no request id", p.name, c.Operation)
	}
	if err := json.Unmarshal(r.Output, output); err != nil {
		t.Fatalf("%s: %s = %s: %v", p.name, c.Operation, r.Output, err)
	}
}

// wantFault fails the test unless the client recognised the refusal want, like "403 AccessDeniedException
// INSUFFICIENT_PERMISSIONS", as the modelled type, with all that a program may look at.
func (p *program) wantFault(t *testing.T, c call, want string) {
	t.Helper()
	r := p.call(t, c)
	if got := (&awslogin.Refusal{Status: r.Status, Type: r.Exception, Code: r.Code}).Error(); r.OK || got != want {
		t.Errorf("%s: %s = %s (%s%s), want %s", p.name, c.Operation, got, r.Text, r.Output, want)
		return
	}
	if r.Message == "" || r.RequestID == "" {
		t.Errorf("%s: %s: message %q, request id %q, want some of each", p.name, c.Operation, r.Message, r.RequestID)
	}
}

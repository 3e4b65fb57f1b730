package browser

import (
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const exampleResource = "http://127.0.0.1:9000/mcp"

// TestOpenIDClientRunsTheWholeWay: a certified client library discovers, registers, signs alice in, redeems and refreshes. A
// spent refresh token ends the session; a revoked one is over.
func TestOpenIDClientRunsTheWholeWay(t *testing.T) {
	for _, tokenType := range []string{"Bearer", "DPoP"} {
		t.Run(tokenType, func(t *testing.T) {
			t.Parallel()
			s := start(t, "")
			b := newTab(t, s)
			arguments := []string{s.base, exampleResource}
			if tokenType == "DPoP" {
				arguments = append(arguments, "dpop")
			}
			var got struct {
				ClientID, Issuer string
				PKCE             bool
				Claims           struct{ Sub, Aud, Iss string }
				First, Second    tokens
				Reused, Ended    refusal
				Revoked          *refusal
			}
			startDriver(t, "openid", arguments...).serve(t, &got, func(address string) {
				b.approve(s, address, redirectOf(t, address), "Example OpenID client", exampleResource)
			})
			if got.Issuer != s.base || !got.PKCE || !strings.Contains(got.ClientID, "::external-client/dcr/") {
				t.Errorf("issuer %q, PKCE %v, client %q", got.Issuer, got.PKCE, got.ClientID)
			}
			if !strings.HasSuffix(got.Claims.Sub, ":assumed-role/Developer/alice") || got.Claims.Aud != got.ClientID || got.Claims.Iss != s.base {
				t.Errorf("claims = %+v", got.Claims)
			}
			wantTokens(t, got.First, tokenType)
			wantTokens(t, got.Second, tokenType)
			if got.First.RefreshToken == got.Second.RefreshToken || got.First.AccessToken == got.Second.AccessToken {
				t.Error("a refresh gave the tokens of before")
			}
			if got.Reused.Error != "invalid_grant" || got.Ended.Error != "invalid_grant" {
				t.Errorf("a spent refresh token: %+v; the one after it: %+v; want invalid_grant for both", got.Reused, got.Ended)
			}
			if (got.Revoked == nil) != (tokenType == "DPoP") || got.Revoked != nil && got.Revoked.Error != "invalid_grant" {
				t.Errorf("a revoked refresh token: %+v, want invalid_grant", got.Revoked)
			}
		})
	}
}

// TestWebAPIClientProvesItsKey: a session that began with a key is worth nothing without it, an identical retry gets the
// same answer, and whoever holds the key can end it.
func TestWebAPIClientProvesItsKey(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b := newTab(t, s)
	type answer struct {
		Status           int
		Error            string
		ErrorDescription string `json:"error_description"`
		Exception        string `json:"__type"`
	}
	var got struct {
		RegisteredStatus      int
		Tokens, Next, Retried tokens
		Stolen, After         answer
		Unproved, Revoked     int
	}
	startDriver(t, "oauth4webapi", s.base, exampleResource).serve(t, &got, func(address string) {
		b.approve(s, address, redirectOf(t, address), "Example Web API client", exampleResource)
	})
	wantTokens(t, got.Tokens, "DPoP")
	wantTokens(t, got.Next, "DPoP")
	if got.RegisteredStatus != 200 {
		t.Errorf("registration = %d, want 200", got.RegisteredStatus)
	}
	if got.Stolen.Status != 400 || got.Stolen.Error == "" || got.Stolen.ErrorDescription == "" || got.Stolen.Exception != "" {
		t.Errorf("a refresh without the key = %+v, want 400 in the plain shape", got.Stolen)
	}
	if got.Retried.RefreshToken != got.Next.RefreshToken || got.Retried.AccessToken != got.Next.AccessToken {
		t.Error("an identical retry got another answer")
	}
	if got.Unproved == 200 || got.Revoked != 200 {
		t.Errorf("revocation without the key = %d, with it = %d, want a refusal and 200", got.Unproved, got.Revoked)
	}
	if got.After.Status != 400 || got.After.Error != "invalid_grant" {
		t.Errorf("a refresh after the revocation = %+v, want invalid_grant", got.After)
	}
}

// TestMCPClientFindsItsWay: the client of the MCP SDK knows the address of the example server and nothing else. It ends up
// calling its tool as alice; and when somebody uses its spent refresh token, its session is over.
func TestMCPClientFindsItsWay(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	b := newTab(t, s)
	resource := startExample(t, s)

	type identity struct{ Principal, Client, Expires string }
	var got struct {
		Client struct {
			ID string `json:"client_id"`
		}
		Opened, State, Iss string
		Before, After      identity
		First, Second      tokens
		Again, Over        refusal
	}
	startDriver(t, "mcp", resource).serve(t, &got, func(address string) {
		b.approve(s, address, redirectOf(t, address), "Example MCP client", resource)
	})
	if got.State != "state-of-the-mcp-client" || got.Iss != s.base {
		t.Errorf("the answer says state %q, iss %q", got.State, got.Iss)
	}
	wantTokens(t, got.First, "Bearer")
	wantTokens(t, got.Second, "Bearer")
	for _, who := range []identity{got.Before, got.After} {
		if !strings.HasSuffix(who.Principal, ":assumed-role/Developer/alice") || who.Client != got.Client.ID {
			t.Errorf("the tool was called by %+v, want alice by %s", who, got.Client.ID)
		}
	}
	if got.First.RefreshToken == got.Second.RefreshToken {
		t.Error("the refresh token was not rotated")
	}
	if !strings.Contains(got.Again.Name+got.Again.Error, "InvalidGrant") && got.Again.Error != "invalid_grant" {
		t.Errorf("a spent refresh token: %+v, want invalid_grant", got.Again)
	}
	if got.Over.Name == "" || got.Opened == "" {
		t.Errorf("after the theft the client was refused with %+v and sent to %q, want it to ask for a new sign-in", got.Over, got.Opened)
	}
}

// startExample runs examples/mcp-server, protected by s, and returns its resource.
func startExample(t *testing.T, s *server) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "mcp-server")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "../../examples/mcp-server"
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the example: %v\n%s", err, text)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := listener.Addr().String()
	listener.Close()
	resource := "http://" + listen + "/mcp"
	s.admin(t, "resource", "add", account, resource, "--service", "127.0.0.1")
	id, secret := keyOf(t, s.admin(t, "key", "create", "--account", account, "mcp-server", "--policy", filepath.Join("..", "..", "examples", "mcp-server", "policy.json")))

	command := exec.Command(program, "-listen", listen, "-issuer", s.base)
	command.Env = append(command.Environ(), "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret)
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	exited := make(chan error, 1)
	go live(command, exited)
	t.Cleanup(func() {
		command.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("what the example said:\n%s", &log)
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", listen); err == nil {
			conn.Close()
			return resource
		}
		if time.Now().After(deadline) {
			t.Fatalf("the example does not listen\n%s", &log)
		}
	}
}

// keyOf returns the access key that `latchkey key add` printed.
func keyOf(t *testing.T, text string) (id, secret string) {
	t.Helper()
	for line := range strings.Lines(text) {
		for _, field := range strings.Fields(line) {
			field = field[strings.LastIndexByte(field, '=')+1:]
			if strings.HasPrefix(field, "AKIA") {
				id = field
			} else if len(field) == 40 {
				secret = field
			}
		}
	}
	if id == "" || secret == "" {
		t.Fatalf("latchkey key add printed no access key")
	}
	return id, secret
}

package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// outcome is what a client makes of a refusal: the name of its error, and a part of the text. An empty name is not
// looked at: the Go SDK gives the refusals that it knows no type.
type outcome struct{ name, text string }

// reason is why a server refuses a refresh.
type reason struct {
	name string
	// config changes the server's settings.
	config string
	// happen brings it about, after each of the sessions was begun. Nil: only time has to pass.
	happen func(t *testing.T, s *server, sessions []*awslogin.Session)
	// wire is what the token endpoint answers.
	wire string
	want map[sdk]outcome
}

// What the SDKs say, by the error code that they were sent.
var (
	sessionExpired = map[sdk]outcome{
		goSDK:   {"", "login session has expired"},
		jsLogin: {"CredentialsProviderError", "Your session has expired"},
		jsChain: {"CredentialsProviderError", "Your session has expired"},
		python:  {"LoginRefreshRequired", "reauthenticate"},
	}
	passwordChanged = map[sdk]outcome{
		goSDK:   {"", "login session password has changed"},
		jsLogin: {"CredentialsProviderError", "change in your password"},
		jsChain: {"CredentialsProviderError", "change in your password"},
		python:  {"LoginRefreshRequired", "reauthenticate"},
	}
	permissionMissing = map[sdk]outcome{
		goSDK:   {"", "CreateOAuth2Token"},
		jsLogin: {"CredentialsProviderError", "CreateOAuth2Token"},
		jsChain: {"CredentialsProviderError", "CreateOAuth2Token"},
		python:  {"LoginInsufficientPermissions", "CreateOAuth2Token"},
	}
)

// unnamed is what the SDKs say to an exception that they have no text for. The chain of JavaScript goes on to the next
// provider and forgets why.
func unnamed(exception string) map[sdk]outcome {
	return map[sdk]outcome{
		goSDK:   {exception, ""},
		jsLogin: {"CredentialsProviderError", exception},
		jsChain: {"CredentialsProviderError", "Could not load credentials from any providers"},
		python:  {exception, ""},
	}
}

var reasons = []reason{
	{
		name:   "the session reached its end",
		config: "lifetimes:\n  session: 2s\n",
		wire:   "401 AccessDeniedException TOKEN_EXPIRED", want: sessionExpired,
	},
	{
		name: "the session was revoked", happen: redeemAgain,
		wire: "401 AccessDeniedException TOKEN_EXPIRED", want: sessionExpired,
	},
	{
		name: "the password was changed",
		happen: func(t *testing.T, s *server, _ []*awslogin.Session) {
			s.admin(t, "correct horse battery staple 7\n", "user", "passwd", "alice")
		},
		wire: "403 AccessDeniedException USER_CREDENTIALS_CHANGED", want: passwordChanged,
	},
	{
		name: "the person was disabled",
		happen: func(t *testing.T, s *server, _ []*awslogin.Session) {
			s.admin(t, "", "user", "disable", "alice")
		},
		wire: "403 AccessDeniedException INSUFFICIENT_PERMISSIONS", want: permissionMissing,
	},
	{
		name: "the role was taken from the person",
		happen: func(t *testing.T, s *server, sessions []*awslogin.Session) {
			account, role := roleOf(t, sessions[0].Principal)
			s.admin(t, "", "role", "unassign", account, role, "alice")
		},
		wire: "403 AccessDeniedException INSUFFICIENT_PERMISSIONS", want: permissionMissing,
	},
	{
		name: "the policy of the role denies it", happen: deny,
		wire: "403 AccessDeniedException INSUFFICIENT_PERMISSIONS", want: permissionMissing,
	},
	{
		name: "the key is a foreign one", happen: rekey,
		wire: "400 ValidationException INVALID_REQUEST", want: unnamed("ValidationException"),
	},
	{
		name:   "there were too many requests",
		config: "limits: {address: {per_second: 0.001, burst: 40}, wait: 0s}\n",
		wire:   "429 TooManyRequestsError INVALID_REQUEST", want: unnamed("TooManyRequestsError"),
	},
}

// TestRefusals runs every client against every reason for which a running server refuses a refresh.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, why := range reasons {
		t.Run(strings.ReplaceAll(why.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			s := start(t, why.config)
			clients := allClients()
			sessions := make([]*awslogin.Session, len(clients))
			for i := range clients {
				sessions[i] = login(t, s, awslogin.Options{})
			}
			if why.happen != nil {
				why.happen(t, s, sessions)
			}
			for _, session := range sessions {
				awaitRefusal(t, session, why.wire)
			}
			for i, c := range clients {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.require(t)
					h := newHome(t, s, sessions[i])
					h.expire(t)
					before := h.read(t)
					wantOutcome(t, c, c.run(t, h), why.want[c.sdk])
					if after := h.read(t); after != before {
						t.Errorf("%s changed its cache file from %+v to %+v", c.name, before, after)
					}
				})
			}
		})
	}
}

func wantOutcome(t *testing.T, c client, got result, want outcome) {
	t.Helper()
	if got.OK || got.Stage != "credentials" {
		t.Fatalf("%s = %+v, want a failure to get credentials", c.name, got)
	}
	if want.name != "" && got.Name != want.name || !strings.Contains(got.Message, want.text) {
		t.Errorf("%s failed with %q: %q, want %q with %q", c.name, got.Name, got.Message, want.name, want.text)
	}
}

// deny gives the role a policy that allows no client any more.
func deny(t *testing.T, s *server, sessions []*awslogin.Session) {
	t.Helper()
	account, role := roleOf(t, sessions[0].Principal)
	file := filepath.Join(t.TempDir(), "policy.json")
	document := `{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "signin:*", "Resource": "*"}]}`
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	s.admin(t, "", "role", "policy", account, role, file)
}

// redeemAgain redeems the code of every session a second time, as somebody does who stole code and verifier.
func redeemAgain(t *testing.T, _ *server, sessions []*awslogin.Session) {
	t.Helper()
	for _, session := range sessions {
		_, err := session.Grant.Redeem(t.Context())
		wantRefusal(t, "second Redeem()", err, "400 ValidationException INVALID_REQUEST")
	}
}

// rekey gives every session a key that the server has not seen.
func rekey(t *testing.T, _ *server, sessions []*awslogin.Session) {
	t.Helper()
	for _, session := range sessions {
		if err := session.Rekey(); err != nil {
			t.Fatal(err)
		}
	}
}

// roleOf returns account and name of the role in arn:aws:sts::<account>:assumed-role/<role>/<person>.
func roleOf(t *testing.T, arn string) (account, role string) {
	t.Helper()
	fields := strings.Split(arn, ":")
	path := strings.Split(arn, "/")
	if len(fields) != 6 || len(path) != 3 {
		t.Fatalf("%s is not the ARN of a role session", arn)
	}
	return fields[4], path[1]
}

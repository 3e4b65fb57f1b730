package clients

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// TestLogin: both ways of `aws login`, and a refresh by the same program.
func TestLogin(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	key, err := awslogin.ShortKey()
	if err != nil {
		t.Fatal(err)
	}
	first := login(t, s, awslogin.Options{})
	for _, c := range []struct {
		name    string
		options awslogin.Options
	}{
		{"same device", awslogin.Options{}},
		{"remote", awslogin.Options{Remote: true}},
		{"same device with a short coordinate", awslogin.Options{Key: key, ShortCoordinates: true}},
		{"remote with a short coordinate", awslogin.Options{Remote: true, Key: key, ShortCoordinates: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			session := login(t, s, c.options)
			// The CLI asks whether to overwrite the profile when the principal is not the one of the last login.
			if session.Principal != first.Principal {
				t.Errorf("Principal = %s, want %s as at the first login", session.Principal, first.Principal)
			}
			answer, err := session.Refresh(t.Context())
			if err != nil {
				t.Fatalf("Refresh() = %v", err)
			}
			if answer.IDToken != "" {
				t.Error("Refresh() brought an id token, want none")
			}
		})
	}
}

// TestCodeIsForOneUse: the second redemption is refused, whether it is a new request or the first one once more, and since
// it proves PKCE, it ends the session of the first.
func TestCodeIsForOneUse(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	for name, again := range map[string]func(*awslogin.Grant, context.Context) (*awslogin.Session, error){
		"Redeem": (*awslogin.Grant).Redeem,
		"Retry":  (*awslogin.Grant).Retry,
	} {
		t.Run(name, func(t *testing.T) {
			session := login(t, s, awslogin.Options{})
			_, err := again(session.Grant, t.Context())
			wantRefusal(t, "second "+name+"()", err, "400 ValidationException INVALID_REQUEST")
			awaitRefusal(t, session, "401 AccessDeniedException TOKEN_EXPIRED")
		})
	}
}

// TestLateCode: the person came back to the terminal too late.
func TestLateCode(t *testing.T) {
	t.Parallel()
	s := start(t, "lifetimes:\n  code: 1s\n")
	grant, err := awslogin.Authorize(t.Context(), s.base, awslogin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // the server's clock is the real one
	_, err = grant.Redeem(t.Context())
	wantRefusal(t, "late Redeem()", err, "401 AccessDeniedException AUTHCODE_EXPIRED")
}

// wantRefusal fails the test unless err is the refusal want, complete in all that clients look at.
func wantRefusal(t *testing.T, call string, err error, want string) {
	t.Helper()
	refusal, ok := errors.AsType[*awslogin.Refusal](err)
	if !ok || refusal.Error() != want {
		t.Fatalf("%s = %v, want %s", call, err, want)
	}
	if refusal.BodyType != refusal.Type {
		t.Errorf("%s: __type is %q, X-Amzn-ErrorType is %q, want them equal", call, refusal.BodyType, refusal.Type)
	}
	if refusal.Message == "" || refusal.RequestID == "" || refusal.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: message %q, X-Amzn-RequestId %q, Cache-Control %q; want two that are not empty, and no-store",
			call, refusal.Message, refusal.RequestID, refusal.Header.Get("Cache-Control"))
	}
}

// awaitRefusal asks for refreshes until one is refused, and fails the test unless that is with want.
func awaitRefusal(t *testing.T, session *awslogin.Session, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_, err := session.Refresh(t.Context())
		if err != nil {
			wantRefusal(t, "Refresh()", err, want)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Refresh() still succeeds after %v, want %s", patience, want)
		}
	}
}

package clients

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// TestSTSRefusals: what the clients' own STS client reports when the credentials in the cache are no good, though the
// cache says that they have not expired. The codes are those of AWS, and programs look at them.
func TestSTSRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config string
		// spoil makes the credentials in the cache bad.
		spoil func(t *testing.T, session *awslogin.Session, h home)
		want  string
	}{
		{
			name: "expired", config: "lifetimes: {step: 1s, credentials: 2s}\n",
			spoil: func(t *testing.T, session *awslogin.Session, h home) {
				h.edit(t, func(token map[string]any) { token["expiresAt"] = "2099-01-01T00:00:00Z" })
				time.Sleep(time.Until(session.Received().Add(2100 * time.Millisecond))) // the server's clock is the real one
			},
			want: "ExpiredToken",
		},
		{
			name: "of a revoked session",
			spoil: func(t *testing.T, session *awslogin.Session, _ home) {
				redeemAgain(t, nil, []*awslogin.Session{session})
			},
			want: "ExpiredToken",
		},
		{
			name:  "with another secret",
			spoil: func(t *testing.T, _ *awslogin.Session, h home) { h.alter(t, "secretAccessKey") },
			want:  "SignatureDoesNotMatch",
		},
		{
			name:  "with an altered session token",
			spoil: func(t *testing.T, _ *awslogin.Session, h home) { h.alter(t, "sessionToken") },
			want:  "InvalidClientTokenId",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, c.config)
			for _, client := range allClients() {
				if client.sdk == jsChain { // it differs from jsLogin only in how credentials are found
					continue
				}
				t.Run(client.name, func(t *testing.T) {
					t.Parallel()
					client.require(t)
					session := login(t, s, awslogin.Options{})
					h := newHome(t, s, session)
					c.spoil(t, session, h)
					if got := client.run(t, h); got.OK || got.Stage != "sts" || got.Name != c.want {
						t.Errorf("%s = %+v, want %s of STS", client.name, got, c.want)
					}
				})
			}
		})
	}
}

// alter changes one character in the middle of a member of the access token.
func (h home) alter(t *testing.T, member string) {
	t.Helper()
	h.edit(t, func(token map[string]any) { token[member] = alter(token[member].(string)) })
}

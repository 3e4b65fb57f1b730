package credential

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

var (
	start     = time.Date(2026, 11, 21, 20, 30, 15, 0, time.UTC)
	lifetimes = signin.DefaultLifetimes()
)

// keys is a ring that rotates at a moment: until then old is in use, from then on next.
type keys struct {
	old, next *seal.Key
	at        time.Time
}

func newKeys(t *testing.T, issuer string) keys {
	t.Helper()
	key := func(id uint32) *seal.Key {
		k, err := seal.NewKey(id, bytes.Repeat([]byte{byte(id)}, seal.KeySize), issuer)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	return keys{key(1), key(2), start.Add(time.Hour)}
}

func (k keys) SealingKey(at time.Time) *seal.Key {
	if at.Before(k.at) {
		return k.old
	}
	return k.next
}

func (k keys) SealKey(id uint32) (*seal.Key, bool) {
	switch id {
	case 1:
		return k.old, true
	case 2:
		return k.next, true
	}
	return nil, false
}

func newSession() signin.Session {
	return signin.Session{
		ID: signin.SessionID{1, 2, 3}, ClientID: signin.SameDevice, Key: signin.Thumbprint{4, 5, 6},
		AuthTime: start.Add(-time.Hour), Issued: start.Add(-time.Minute), Start: start, End: start.Add(lifetimes.Session), Methods: "pwd",
		Principal: signin.Principal{Account: "111122223333", Role: "Developer", RoleID: "AROA234567ABCDEFGHIJ", Person: "alice", PersonID: "AIDA234567ABCDEFGHIJ"},
	}
}

// Nodes do not talk to each other about a refresh, and clients repeat requests: all must give the same bytes.
func TestOneStepHasOneAnswer(t *testing.T) {
	for _, step := range []int64{0, 1, 11, 12, 143} { // the ring rotates at step 12
		here, elsewhere := newKeys(t, "https://a"), newKeys(t, "https://a")
		first, again := Mint(here, newSession(), step, lifetimes), Mint(elsewhere, newSession(), step, lifetimes)
		if first != again {
			t.Errorf("step %d: Mint gives\n%+v, then\n%+v", step, first, again)
		}
		if !regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`).MatchString(first.AccessKeyID) || len(first.SecretAccessKey) != 40 || len(first.SessionToken) > seal.MaxSessionToken {
			t.Errorf("step %d: Mint = %+v", step, first)
		}
		if want := newSession().StepExpiry(step, lifetimes); !first.Expires.Equal(want) {
			t.Errorf("step %d: Expires = %v, want %v", step, first.Expires, want)
		}
	}
}

func TestCredentialsOfEverythingElseDiffer(t *testing.T) {
	ring, s := newKeys(t, "https://a"), newSession()
	one := Mint(ring, s, 0, lifetimes)
	another := s
	another.ID[15]++
	person := s
	person.Principal.Person, person.Principal.PersonID = "bob", "AIDA234567ABCDEFGHIK"
	role := s
	role.Principal.Role = "Admin"
	for name, other := range map[string]Credentials{
		"the next step":        Mint(ring, s, 1, lifetimes),
		"another session":      Mint(ring, another, 0, lifetimes),
		"another person":       Mint(ring, person, 0, lifetimes),
		"another role":         Mint(ring, role, 0, lifetimes),
		"another issuer":       Mint(newKeys(t, "https://b"), s, 0, lifetimes),
		"another key":          Mint(keys{ring.next, ring.next, ring.at}, s, 0, lifetimes),
		"a step after it":      Mint(ring, s, 12, lifetimes),
		"a step as a negative": Mint(ring, s, -1, lifetimes),
	} {
		if other.SecretAccessKey == one.SecretAccessKey || other.SessionToken == one.SessionToken {
			t.Errorf("%s has the same secret or session token", name)
		}
		if strings.Contains(name, "step") && other.AccessKeyID == one.AccessKeyID {
			t.Errorf("%s has the same access key id", name)
		}
	}
	// The key that a session is bound to is not in the session token, so it must not matter.
	unbound := s
	unbound.Key = signin.Thumbprint{}
	if got := Mint(ring, unbound, 0, lifetimes); got != one {
		t.Error("the proof key changes the credentials, which a verifier could not know")
	}
}

func TestOpenGivesTheSecretAgain(t *testing.T) {
	ring := newKeys(t, "https://a")
	for _, step := range []int64{0, 12, 143} {
		c := Mint(ring, newSession(), step, lifetimes)
		got, err := Open(ring, c.AccessKeyID, c.SessionToken)
		if err != nil || got.Secret != c.SecretAccessKey || got.Step != step {
			t.Errorf("Open = step %d, %v; the secret is right: %v", got.Step, err, got.Secret == c.SecretAccessKey)
		}
		want := newSession()
		want.Key = signin.Thumbprint{}
		if got.Session != want {
			t.Errorf("Open gives the session\n%+v, want\n%+v", got.Session, want)
		}
	}
}

// Attack: combine an access key id with a session token that does not belong to it, or bring one of another service.
func TestOpenRefusesWhatDoesNotBelongTogether(t *testing.T) {
	ring, s := newKeys(t, "https://a"), newSession()
	c := Mint(ring, s, 0, lifetimes)
	other := s
	other.ID[15]++
	for name, tt := range map[string]struct{ id, token string }{
		"the id of the next step":         {Mint(ring, s, 1, lifetimes).AccessKeyID, c.SessionToken},
		"the id of another session":       {Mint(ring, other, 0, lifetimes).AccessKeyID, c.SessionToken},
		"the token of another session":    {c.AccessKeyID, Mint(ring, other, 0, lifetimes).SessionToken},
		"an invented id":                  {"ASIAAAAAAAAAAAAAAAAA", c.SessionToken},
		"an id in lower case":             {strings.ToLower(c.AccessKeyID), c.SessionToken},
		"the id with another prefix":      {"AKIA" + c.AccessKeyID[4:], c.SessionToken},
		"no id":                           {"", c.SessionToken},
		"no token":                        {c.AccessKeyID, ""},
		"a refresh token":                 {c.AccessKeyID, seal.SealRefresh(ring.old, s, 0)},
		"a refresh token, as base64":      {c.AccessKeyID, strings.TrimPrefix(seal.SealRefresh(ring.old, s, 0), seal.RefreshPrefix)},
		"an altered token":                {c.AccessKeyID, "B" + c.SessionToken[1:]},
		"a token with a second spelling":  {c.AccessKeyID, strings.TrimRight(c.SessionToken, "=")},
		"a token of another installation": {c.AccessKeyID, Mint(newKeys(t, "https://b"), s, 0, lifetimes).SessionToken},
	} {
		if got, err := Open(ring, tt.id, tt.token); !errors.Is(err, ErrInvalid) || got != (Opened{}) {
			t.Errorf("%s: Open = %+v, %v, want ErrInvalid", name, got, err)
		}
	}
}

func TestLongLivedSecretsDiffer(t *testing.T) {
	ring := newKeys(t, "https://a")
	one := LongLivedSecret(ring.old, "AKIA234567ABCDEFGHIJ")
	if one != LongLivedSecret(ring.old, "AKIA234567ABCDEFGHIJ") || len(one) != 40 {
		t.Errorf("LongLivedSecret = %d characters, or not the same again", len(one))
	}
	if one == LongLivedSecret(ring.old, "AKIA234567ABCDEFGHIK") || one == LongLivedSecret(ring.next, "AKIA234567ABCDEFGHIJ") {
		t.Error("another id or another key has the same secret")
	}
}

func TestIDTokenSaysWhoAndWhen(t *testing.T) {
	st, err := sqlite.Open(t.Context(), t.TempDir()+"/latchkey.db", start, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	root, err := keyring.ParseRoot(keyring.NewRootKey())
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(t.Context(), st, root, keyring.Options{
		Issuer: "https://a", Algorithm: "ES384", Rotate: 720 * time.Hour, Publish: time.Minute, Longest: time.Hour,
	}, start)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession()
	s.Principal.Role, s.Principal.Person = strings.Repeat("R", 64), strings.Repeat("p", 64)
	s.ClientID = signin.ConfidentialPrefix + strings.Repeat("c", 26)
	token, err := IDToken(ring.SigningKey(start), s, "https://signin.example.com", "us-east-1", start.Add(time.Minute+time.Millisecond), 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if len(token) > MaxIDToken {
		t.Errorf("the longest id token has %d characters, want at most %d", len(token), MaxIDToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || slices.Contains(parts, "") {
		t.Fatalf("id token is %s, want three parts", token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	arn := s.Principal.ARN()
	for name, want := range map[string]any{
		"iss": "https://signin.example.com", "aud": s.ClientID, "sub": arn, "session_arn": arn, "signin_session": s.ARN("us-east-1"),
		"iat": float64(start.Unix() + 60), "exp": float64(start.Unix() + 60 + 900), "auth_time": float64(s.AuthTime.Unix()),
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	if amr, ok := got["amr"].([]any); !ok || len(amr) != 1 || amr[0] != "pwd" {
		t.Errorf("amr = %v, want [pwd]", got["amr"])
	}
	if len(got) != 9 {
		t.Errorf("the id token has %d claims: %s", len(got), payload)
	}
}

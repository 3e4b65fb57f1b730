package signin

import "testing"

func TestScopeIsReadAndWrittenAlike(t *testing.T) {
	for text, want := range map[string]Scope{
		"": 0, "openid": ScopeOpenID, "offline_access": ScopeOffline,
		"openid offline_access": ScopeOpenID | ScopeOffline, "offline_access openid": ScopeOpenID | ScopeOffline, "openid openid": ScopeOpenID,
	} {
		got, err := ParseScope(text)
		if err != nil || got != want {
			t.Errorf("ParseScope(%q) = %d, %v, want %d", text, got, err, want)
		}
		if again, err := ParseScope(got.String()); err != nil || again != got {
			t.Errorf("ParseScope(%q) = %d, %v, want %d", got.String(), again, err, got)
		}
	}
}

// A client that asks for more than there is must not believe that it got it.
func TestUnknownScopeIsRefused(t *testing.T) {
	for _, text := range []string{"profile", "openid profile", " ", "openid ", " openid", "openid  offline_access", "OpenID", "openid\toffline_access", "openid,offline_access"} {
		if got, err := ParseScope(text); KindOf(err) != ScopeInvalid {
			t.Errorf("ParseScope(%q) = %d, %v, want ScopeInvalid", text, got, err)
		}
	}
}

func TestOnlyKnownScopesAreValid(t *testing.T) {
	for s := range 256 {
		if got, want := ValidScope(Scope(s)), s < 4; got != want {
			t.Errorf("ValidScope(%d) = %v, want %v", s, got, want)
		}
	}
}

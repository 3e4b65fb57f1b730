package awslogin

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestShortKey holds the key against its published coordinates, as JavaScript and the CLI send them, and as Go does.
func TestShortKey(t *testing.T) {
	key, err := ShortKey()
	if err != nil {
		t.Fatal(err)
	}
	const y = "4NdIejCiQdwO8xMkmFQZamZOEHL0Dnsy-hVgAvcWSig"
	for _, c := range []struct {
		short bool
		x     string
	}{
		{false, "ABCLS9NNYtDfGdfXv13xPdOj4K8k7VSnHmgl4dhpxqM"},
		{true, "EItL001i0N8Z19e_XfE906PgryTtVKceaCXh2GnGow"},
	} {
		got, err := newProofKey(key, c.short)
		if err != nil {
			t.Fatal(err)
		}
		if got.x != c.x || got.y != y {
			t.Errorf("newProofKey(short %v) = %s, %s, want %s, %s", c.short, got.x, got.y, c.x, y)
		}
	}
}

// TestCachePath holds the name of the cache file against one that the SDKs look for.
func TestCachePath(t *testing.T) {
	const want = "dir/5778c30d3fe8c123cb2ab0d5a82c81b6fdcedfb868a6625f6f5bf6f05a7f129b.json"
	if got := CachePath("dir", "arn:aws:iam::111122223333:user/alice"); got != want {
		t.Errorf("CachePath() = %s, want %s", got, want)
	}
}

// TestVerificationCodeIsPadded: the CLI and Tools for PowerShell decode nothing else than padded base64.
func TestVerificationCodeIsPadded(t *testing.T) {
	const text = "state=11111111-2222-4333-8444-555555555555&code=Ab%2BC%2F1%3D"
	code := base64.StdEncoding.EncodeToString([]byte(text))
	query, err := VerificationCode("<code>" + code + "</code>")
	if err != nil || query.Get("code") != "Ab+C/1=" {
		t.Errorf("VerificationCode() = %v, %v, want the code Ab+C/1=", query, err)
	}
	if query, err := VerificationCode("<code>" + strings.TrimRight(code, "=") + "</code>"); err == nil {
		t.Errorf("VerificationCode(unpadded) = %v, want an error", query)
	}
}

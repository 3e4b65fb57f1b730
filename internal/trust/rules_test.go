package trust_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/trust"
)

// What an administrator writes is read back as it was, and what cannot be followed is refused with a reason.
func TestRules(t *testing.T) {
	full := `{"algorithms":["RS256","EdDSA"],"jwks_uri":"https://idp.example.com/keys","allow_private":true,` +
		`"require":{"email_verified":"true","hd":"example.com"},"roles":[{"claim":"groups","value":"admins","role":"Admin"},{"role":"Reader"}],"session_name":"email"}`
	r, err := trust.ParseRules(full)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := r.Text(); err != nil || text != full {
		t.Errorf("Text = %s, %v, want %s", text, err, full)
	}
	for document, reason := range map[string]string{
		`{}`:                                   "nobody a role",
		`{"roles":[]}`:                         "nobody a role",
		`{"roles":[{"role":""}]}`:              "a name that no role has",
		`{"roles":[{"role":"a/b"}]}`:           "a name that no role has",
		`{"roles":[{"role":"R","value":"x"}]}`: "a value and no claim",
		`{"roles":[{"role":"R","claim":"x"}]}`: "claim and its value",
		`{"roles":[{"role":"R"}],"algorithms":["HS256"]}`:                                       "must be one of",
		`{"roles":[{"role":"R"}],"algorithms":["none"]}`:                                        "must be one of",
		`{"roles":[{"role":"R"}],"algorithms":["rs256"]}`:                                       "must be one of",
		`{"roles":[{"role":"R"}],"algorithm":"RS256"}`:                                          "cannot be read",
		`{"roles":[{"role":"R"}],"roles":[{"role":"Admin"}]}`:                                   "cannot be read",
		`{"roles":[{"role":"R"}],"require":{"a":""}}`:                                           "claim and its value",
		`{"roles":[{"role":"R"}],"require":{"a":1}}`:                                            "cannot be read",
		`{"roles":[{"role":"R"}],"jwks_uri":"http://idp.example.com/"}`:                         "https",
		`{"roles":[{"role":"R"}],"jwks_uri":"http://127.0.0.1/"}`:                               "allow private",
		`{"roles":[{"role":"R"}],"jwks_uri":"http://10.0.0.1/","allow_private":true}`:           "https",
		`{"roles":[{"role":"R"}],"jwks_uri":"https://a:b@idp.example.com/"}`:                    "without a user",
		`{"roles":[{"role":"R"}]} `:                                                             "",
		`{"roles":[{"role":"R"}]}{}`:                                                            "cannot be read",
		`{"roles":[` + strings.Repeat(`{"role":"R"},`, 64) + `{"role":"R"}]}`:                   "at most",
		`{"roles":[{"role":"R"}],"session_name":"` + strings.Repeat("a", trust.MaxRules) + `"}`: "longer than",
	} {
		_, err := trust.ParseRules(document)
		if (reason == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), reason) {
			t.Errorf("ParseRules(%.80s) = %v, want %q", document, err, reason)
		}
	}
}

func TestIssuers(t *testing.T) {
	for issuer, want := range map[string]struct{ public, private bool }{
		"https://idp.example.com":          {true, true},
		"https://idp.example.com/":         {true, true},
		"https://idp.example.com:8443/a/b": {true, true},
		"http://127.0.0.1:9000":            {false, true},
		"http://[::1]:9000":                {false, true},
		"http://localhost:9000":            {false, true},
		"http://idp.example.com":           {false, false},
		"http://127.0.0.1.evil.test":       {false, false},
		"https://idp.example.com?a":        {false, false},
		"https://idp.example.com#":         {false, false},
		"https://a@idp.example.com":        {false, false},
		"https://":                         {false, false},
		"idp.example.com":                  {false, false},
		"ftp://idp.example.com":            {false, false},
		"":                                 {false, false},
		"https://idp.example.com/" + strings.Repeat("a", trust.MaxIssuer): {false, false},
	} {
		for private, want := range map[bool]bool{false: want.public, true: want.private} {
			if got := trust.CheckIssuer(issuer, private) == nil; got != want {
				t.Errorf("CheckIssuer(%.60q, %v) = %v, want %v", issuer, private, got, want)
			}
		}
	}
}

// Who gets which role: the first mapping that applies, by claims of any simple kind.
func TestClaimsGiveRoles(t *testing.T) {
	w := newWorld(t)
	mapped := func(claim, value string) trust.Rules {
		return trust.Rules{Roles: []trust.Mapping{{Claim: claim, Value: value, Role: "Mapped"}}}
	}
	claims := map[string]any{
		"groups": []any{"devs", "admins", 7, nil, map[string]any{}}, "email": "alice@example.com", "verified": true, "level": 3,
		"https://example.com/team": "blue", "realm_access": map[string]any{"roles": []string{"editor"}, "a/b": "c"}, "nothing": nil, "empty": "",
	}
	for _, tt := range []struct {
		name  string
		rules trust.Rules
		role  string
		kind  signin.Kind
	}{
		{"everybody", trust.Rules{Roles: []trust.Mapping{{Role: "Reader"}}}, "Reader", 0},
		{"an entry of a list", mapped("groups", "admins"), "Mapped", 0},
		{"a number in a list", mapped("groups", "7"), "Mapped", 0},
		{"half an entry", mapped("groups", "admin"), "", signin.PermissionMissing},
		{"other case", mapped("groups", "Admins"), "", signin.PermissionMissing},
		{"the beginning of an entry", mapped("groups", "adm*"), "Mapped", 0},
		{"a star inside", mapped("groups", "a*s"), "", signin.PermissionMissing},
		{"anything at all", mapped("email", "*"), "Mapped", 0},
		{"anything of a claim that is not there", mapped("phone", "*"), "", signin.PermissionMissing},
		{"anything of null", mapped("nothing", "*"), "", signin.PermissionMissing},
		{"a boolean", mapped("verified", "true"), "Mapped", 0},
		{"a number", mapped("level", "3"), "Mapped", 0},
		{"a name that is a URL", mapped("https://example.com/team", "blue"), "Mapped", 0},
		{"a pointer", mapped("/realm_access/roles", "editor"), "Mapped", 0},
		{"a pointer with an escape", mapped("/realm_access/a~1b", "c"), "Mapped", 0},
		{"a pointer into a string", mapped("/email/x", "*"), "", signin.PermissionMissing},
		{"a pointer to nowhere", mapped("/realm_access", "*"), "", signin.PermissionMissing},
		{"the first that applies", trust.Rules{Roles: []trust.Mapping{
			{Claim: "groups", Value: "ops", Role: "Ops"}, {Claim: "groups", Value: "devs", Role: "Dev"}, {Claim: "groups", Value: "admins", Role: "Admin"}, {Role: "Reader"},
		}}, "Dev", 0},
		{"required claims", trust.Rules{Require: map[string]string{"verified": "true", "email": "alice@example.com"}, Roles: []trust.Mapping{{Role: "Reader"}}}, "Reader", 0},
		{"a required claim that differs", trust.Rules{Require: map[string]string{"verified": "true", "email": "bob@example.com"}, Roles: []trust.Mapping{{Role: "Reader"}}}, "", signin.SubjectTokenInvalid},
		{"a required claim that is not there", trust.Rules{Require: map[string]string{"hd": "example.com"}, Roles: []trust.Mapping{{Role: "Reader"}}}, "", signin.SubjectTokenInvalid},
		{"a required value is no pattern", trust.Rules{Require: map[string]string{"email": "*"}, Roles: []trust.Mapping{{Role: "Reader"}}}, "", signin.SubjectTokenInvalid},
		{"a session name that is not there", trust.Rules{SessionName: "phone", Roles: []trust.Mapping{{Role: "Reader"}}}, "", signin.SubjectTokenInvalid},
		{"a session name that is empty", trust.Rules{SessionName: "empty", Roles: []trust.Mapping{{Role: "Reader"}}}, "", signin.SubjectTokenInvalid},
		{"a session name that is a number", trust.Rules{SessionName: "level", Roles: []trust.Mapping{{Role: "Reader"}}}, "", signin.SubjectTokenInvalid},
	} {
		token, err := trust.Read(w.Token(t, w.Claims(audience, "alice", claims)))
		if err != nil {
			t.Fatal(err)
		}
		// Claims leaves out what is nil at the top.
		role, name, err := tt.rules.Role(token)
		if role != tt.role || signin.KindOf(err) != tt.kind || (err == nil) != (tt.role != "") || err == nil && name != "alice" {
			t.Errorf("%s: Role = %q, %q, %v, want %q or %v", tt.name, role, name, err, tt.role, tt.kind)
		}
	}
}

// Attack: choose a subject that becomes the session name of somebody else. Names that must be changed never become a name
// that another value has.
func TestSessionNamesDoNotMeet(t *testing.T) {
	seen := map[string]string{}
	for _, value := range []string{
		"alice", "alice@example.com", "auth0|5f7c", "auth0_5f7c", "auth0-5f7c", "a", "", "al ice", "al_ice", "alice\n", "álice", "_lice", "a:b", "a/b",
		strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 66), strings.Repeat("a", 47), "a-0123456789abcdef", strings.Repeat("é", 100),
		trust.SessionName("auth0|5f7c"), trust.SessionName("a/b"), trust.SessionName(strings.Repeat("a", 65)),
	} {
		name := trust.SessionName(value)
		if !signin.ValidPersonName(name) {
			t.Errorf("SessionName(%q) = %q, which is none", value, name)
		}
		if other, there := seen[name]; there {
			t.Errorf("%q and %q are both named %q", value, other, name)
		}
		seen[name] = value
	}
	for _, plain := range []string{"alice", "alice@example.com", strings.Repeat("a", 64), "a.b-c_d=e,f+g"} {
		if got := trust.SessionName(plain); got != plain {
			t.Errorf("SessionName(%q) = %q, want it unchanged", plain, got)
		}
	}
}

func TestActorsAreCarried(t *testing.T) {
	w := newWorld(t)
	token, err := trust.Read(w.Key().Sign(t, `{"iss":"i","aud":"a","exp":`+"9999999999"+`,"act": { "sub" : "svc", "act":{"iss":"x"} } }`, nil))
	if err != nil || string(token.Actor) != `{"sub":"svc","act":{"iss":"x"}}` {
		t.Errorf("Actor = %s, %v", token.Actor, err)
	}
	if !token.IssuedAt.IsZero() || !token.Expires.Equal(time.Unix(9999999999, 0)) {
		t.Errorf("times are %v and %v", token.IssuedAt, token.Expires)
	}
}

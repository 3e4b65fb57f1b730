package dpop

import (
	"fmt"
	"strings"
	"testing"
)

func TestHeaderRules(t *testing.T) {
	c := alice(t)
	jwk := c.jwk()
	tests := []struct{ name, header, want string }{
		{"no typ: a token made for something else", `{"alg":"ES256","jwk":` + jwk + `}`, `"typ"`},
		{"an id token is no proof", `{"typ":"JWT","alg":"ES256","jwk":` + jwk + `}`, `"typ"`},
		{"alg none", `{"typ":"dpop+jwt","alg":"none","jwk":` + jwk + `}`, `"alg"`},
		{"HMAC with the public key as secret", `{"typ":"dpop+jwt","alg":"HS256","jwk":` + jwk + `}`, `"alg"`},
		{"RS256", `{"typ":"dpop+jwt","alg":"RS256","jwk":` + jwk + `}`, `"alg"`},
		{"ES384", `{"typ":"dpop+jwt","alg":"ES384","jwk":` + jwk + `}`, `"alg"`},
		{"alg in lower case", `{"typ":"dpop+jwt","alg":"es256","jwk":` + jwk + `}`, `"alg"`},
		{"no alg", `{"typ":"dpop+jwt","jwk":` + jwk + `}`, `"alg"`},
		{"alg twice: readers differ in which one counts", `{"typ":"dpop+jwt","alg":"none","alg":"ES256","jwk":` + jwk + `}`, "twice"},
		{"alg twice, once with an escape", `{"typ":"dpop+jwt","alg":"ES256","\u0061lg":"none","jwk":` + jwk + `}`, "twice"},
		{"names with other case are other names", `{"typ":"dpop+jwt","ALG":"ES256","jwk":` + jwk + `}`, `"alg"`},
		{"crit", `{"typ":"dpop+jwt","alg":"ES256","crit":["attacker"],"jwk":` + jwk + `}`, `"crit"`},
		{"crit is null", `{"typ":"dpop+jwt","alg":"ES256","crit":null,"jwk":` + jwk + `}`, `"crit"`},
		{"b64", `{"typ":"dpop+jwt","alg":"ES256","b64":false,"jwk":` + jwk + `}`, `"b64"`},
		{"no key", `{"typ":"dpop+jwt","alg":"ES256"}`, `"kty"`},
		{"a key to fetch", `{"typ":"dpop+jwt","alg":"ES256","jku":"https://attacker.example/"}`, `"kty"`},
		{"the key is null", `{"typ":"dpop+jwt","alg":"ES256","jwk":null}`, `"kty"`},
		{"data after the object", `{"typ":"dpop+jwt","alg":"ES256","jwk":` + jwk + `}{}`, "one JSON object"},
		{"not UTF-8", `{"typ":"dpop+jwt","alg":"ES256","a":"` + "\xff" + `","jwk":` + jwk + `}`, "one JSON object"},
		{"a byte order mark", "\ufeff" + c.header(), "one JSON object"},
		{"an array", `[` + c.header() + `]`, "not an object"},
		{"null", `null`, `"typ"`},
		{"nothing", ``, "one JSON object"},
		{"typ as a number", `{"typ":1,"alg":"ES256","jwk":` + jwk + `}`, "JSON type"},
		{"deep nesting", `{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "deep"},
	}
	for _, tt := range tests {
		wantInvalid(t, tt.name, c.proof(t, tt.header, claimsAt(now)), tt.want)
	}
}

func TestClaimRules(t *testing.T) {
	c := alice(t)
	claims := func(htm, htu, iat, jti string) string {
		return fmt.Sprintf(`{"htm":%s,"htu":%s,"iat":%s,"jti":%s}`, htm, htu, iat, jti)
	}
	iat := fmt.Sprint(now.Unix())
	const post, here, id = `"POST"`, `"` + endpoint + `"`, `"11111111-2222"`
	tests := []struct{ name, claims, want string }{
		{"a proof for a GET", claims(`"GET"`, here, iat, id), `"htm"`},
		{"methods have case", claims(`"post"`, here, iat, id), `"htm"`},
		{"no method", claims(`null`, here, iat, id), `"htm" is missing`},
		{"a proof for another server", claims(post, `"https://attacker.example/v1/token"`, iat, id), `"htu"`},
		{"no URL", claims(post, `""`, iat, id), `"htu" is missing`},
		{"URL as a list", claims(post, `[`+here+`]`, iat, id), "JSON type"},
		{"no time", `{"htm":"POST","htu":` + here + `,"jti":` + id + `}`, `"iat" is missing`},
		{"the time as text", claims(post, here, `"`+iat+`"`, id), `"iat" is not`},
		{"the time is null", claims(post, here, `null`, id), `"iat" is not`},
		{"half a second", claims(post, here, iat+`.5`, id), `"iat" is not`},
		{"milliseconds", claims(post, here, iat+`000`, id), `"iat" is not`},
		{"before 1970", claims(post, here, `-`+iat, id), `"iat" is not`},
		{"a number no float64 holds", claims(post, here, `1e999`, id), `"iat" is not`},
		{"a number no int64 holds", claims(post, here, strings.Repeat("9", 400), id), `"iat" is not`},
		{"a number far beyond all calendars", claims(post, here, `1e300`, id), `"iat" is not`},
		{"the year 33658", claims(post, here, `1e12`, id), `"iat" is not`},
		{"not a number", claims(post, here, `NaN`, id), "one JSON object"},
		{"infinity", claims(post, here, `Infinity`, id), "one JSON object"},
		{"a hexadecimal number", claims(post, here, `0x6b000000`, id), "one JSON object"},
		{"a leading zero", claims(post, here, `0`+iat, id), "one JSON object"},
		{"the time as an object", claims(post, here, `{}`, id), `"iat" is not`},
		{"no jti", claims(post, here, iat, `""`), `"jti"`},
		{"a jti that cannot be unique", claims(post, here, iat, `"1234567"`), `"jti"`},
		{"a jti as long as a novel", claims(post, here, iat, `"`+strings.Repeat("a", 257)+`"`), `"jti"`},
		{"jti as a number", claims(post, here, iat, `12345678`), "JSON type"},
		{"jti twice", `{"jti":"12345678","htm":"POST","htu":` + here + `,"iat":` + iat + `,"jti":"87654321"}`, "twice"},
		{"a member nobody knows, twice", `{"a":1,"a":1,"htm":"POST","htu":` + here + `,"iat":` + iat + `,"jti":` + id + `}`, "twice"},
	}
	for _, tt := range tests {
		wantInvalid(t, tt.name, c.proof(t, c.header(), tt.claims), tt.want)
	}
}

func TestCompactRules(t *testing.T) {
	c := alice(t)
	good := c.proof(t, c.header(), claimsAt(now))
	parts := strings.Split(good, ".")
	tests := []struct{ name, proof, want string }{
		{"two parts", parts[0] + "." + parts[1], "three parts"},
		{"four parts", good + ".AAAA", "three parts"},
		{"five parts: encrypted", good + ".AAAA.AAAA", "three parts"},
		{"JSON serialization", `{"protected":"` + parts[0] + `"}`, "three parts"},
		{"no signature", parts[0] + "." + parts[1] + ".", "64 bytes"},
		{"padding", good + "==", "base64url"},
		{"padding in the header", parts[0] + "==." + parts[1] + "." + parts[2], "base64url"},
		{"a space", " " + good, "base64url"},
		{"a line break", parts[0] + ".\n" + parts[1] + "." + parts[2], "base64url"},
		{"the standard alphabet", parts[0] + "." + parts[1] + "." + strings.Repeat("+/", 43), "base64url"},
		{"bits after the end: a second text of one signature", good[:len(good)-1] + "_", "base64url"},
		{"longer than any proof", good + strings.Repeat("A", 4096), "4096 bytes"},
	}
	for _, tt := range tests {
		wantInvalid(t, tt.name, tt.proof, tt.want)
	}
	for i := range good { // no byte of a proof can be changed
		changed := []byte(good)
		if changed[i]++; changed[i] == good[i] {
			continue
		}
		if _, err := newVerifier(t).Verify([]string{string(changed)}, "POST", "/v1/token", now); err == nil {
			t.Errorf("byte %d of the proof changed: accepted", i)
		}
	}
}

func TestWholeSeconds(t *testing.T) {
	tests := []struct {
		number string
		want   int64 // -1: refused
	}{
		{"0", 0}, {"1795294399", 1795294399}, {"1795294399.0", 1795294399}, {"1.795294399e9", 1795294399},
		{"1.795294399E+09", 1795294399}, {"17952943990e-1", 1795294399}, {"253402300799", 253402300799},
		{"1e-999999999", 0}, // nearer to a whole second than a float64 can tell
		{"253402300800", -1}, {"1e300", -1}, {"1e999", -1}, {"1.5", -1}, {"-1", -1}, {"-0.0", -1}, {`"1"`, -1}, {"null", -1}, {"", -1},
	}
	for _, tt := range tests {
		got, ok := wholeSeconds([]byte(tt.number))
		if ok != (tt.want >= 0) || ok && got != tt.want {
			t.Errorf("wholeSeconds(%s) = %d, %v, want %d", tt.number, got, ok, tt.want)
		}
	}
}

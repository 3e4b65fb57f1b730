package dpop

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// wantInvalid checks that the proof is refused with a message that names the rule and shows nothing of the proof.
func wantInvalid(t *testing.T, name, proof, message string) {
	t.Helper()
	_, err := newVerifier(t).Verify([]string{proof}, "POST", "/v1/token", now)
	f, ok := errors.AsType[*signin.Fault](err)
	if !ok || f.Kind != signin.ProofInvalid {
		t.Errorf("%s: Verify: %v, want ProofInvalid", name, err)
		return
	}
	if !strings.HasPrefix(f.Message, "DPoP proof: ") || !strings.Contains(f.Message, message) {
		t.Errorf("%s: message %q, want it to contain %q", name, f.Message, message)
	}
	for part := range strings.SplitSeq(proof, ".") {
		if len(part) > 8 && strings.Contains(f.Error(), part[:8]) {
			t.Errorf("%s: %q shows a part of the proof", name, f.Error())
		}
	}
	if strings.Contains(f.Error(), "attacker") {
		t.Errorf("%s: %q shows text of the caller", name, f.Error())
	}
}

func TestMissingAndDoubledHeader(t *testing.T) {
	v := newVerifier(t)
	if _, err := v.Verify(nil, "POST", "/v1/token", now); signin.KindOf(err) != signin.ProofMissing {
		t.Errorf("no header: Verify: %v, want ProofMissing", err)
	}
	c := alice(t)
	p := c.proof(t, c.header(), claimsAt(now))
	if _, err := v.Verify([]string{p, p}, "POST", "/v1/token", now); signin.KindOf(err) != signin.ProofInvalid {
		t.Errorf("two headers: Verify: %v, want ProofInvalid", err)
	}
	wantInvalid(t, "two headers that a proxy joined", p+", "+p, "three parts")
	wantInvalid(t, "an empty header", "", "three parts")
}

// What clients do with JSON, retold from the wire.
func TestClientSpellings(t *testing.T) {
	c := alice(t)
	indented := "{\n  \"typ\": \"dpop+jwt\",\n  \"alg\": \"ES256\",\n  \"jwk\": " + c.jwk() + "\n}"
	iat := fmt.Sprint(now.Unix())
	float := fmt.Sprintf("%.9e", float64(now.Unix()))
	tests := []struct{ name, header, claims string }{
		{"indented", indented, "{\n\t\"jti\": \"d4bee8f5-31b9\",\n\t\"htm\": \"POST\",\r\n\t\"htu\": \"" + endpoint + "\",\n\t\"iat\": " + iat + "\n}"},
		{"slashes escaped", c.header(), `{"htm":"POST","htu":"` + strings.ReplaceAll(endpoint, "/", `\/`) + `","iat":` + iat + `,"jti":"D4BEE8F5-31B9"}`},
		{"plus escaped", strings.Replace(c.header(), "dpop+jwt", `dpop\u002bjwt`, 1), claimsAt(now)},
		{"typ in other case", strings.Replace(c.header(), "dpop+jwt", `DPoP+JWT`, 1), claimsAt(now)},
		{"typ as a full media type", strings.Replace(c.header(), "dpop+jwt", `application/dpop+jwt`, 1), claimsAt(now)},
		{"iat with an exponent", c.header(), `{"htm":"POST","htu":"` + endpoint + `","iat":` + float + `,"jti":"0123456789abcdef0123456789abcdef"}`},
		{"iat with a fraction of zero", c.header(), `{"htm":"POST","htu":"` + endpoint + `","iat":` + iat + `.0,"jti":"Zm9vYmFyYmF6cXV4Zm9vYg"}`},
		{"more members", strings.Replace(c.header(), "{", `{"kid":"1","x5c":[],`, 1), strings.Replace(claimsAt(now), "{", `{"ath":"AA","nonce":"n","exp":1,"sub":{"a":[1]},`, 1)},
	}
	v := newVerifier(t)
	for _, tt := range tests {
		p, err := v.Verify([]string{c.proof(t, tt.header, tt.claims)}, "POST", "/v1/token", now)
		if err != nil {
			t.Errorf("%s: Verify: %v", tt.name, err)
		} else if !p.IssuedAt.Equal(now) {
			t.Errorf("%s: IssuedAt %v, want %v", tt.name, p.IssuedAt, now)
		}
	}
}

// The clock of a client is wrong more often than its user knows, and no client corrects it, so the message must say by
// how much.
func TestStaleProofTellsTheOffset(t *testing.T) {
	c := alice(t)
	v := newVerifier(t)
	at := now.Add(400 * time.Millisecond)
	tests := []struct {
		issued time.Time
		want   string // empty: accepted
	}{
		{now, ""},
		{now.Add(35 * time.Second), ""},
		{now.Add(300 * time.Second), ""},
		{now.Add(-299 * time.Second), ""},
		{now.Add(301 * time.Second), `"iat" is 301 seconds ahead of this server's time, which is 2026-11-21T20:53:19Z; at most 300`},
		{now.Add(-300 * time.Second), `"iat" is 301 seconds behind this server's time, which is 2026-11-21T20:53:19Z; at most 300`},
		{now.Add(2 * time.Hour), `"iat" is 7200 seconds ahead of`},
		{now.Add(-2 * time.Hour), `"iat" is 7201 seconds behind`},
		{time.Unix(0, 0), "seconds behind"},
		{time.Unix(lastSecond, 0), "seconds ahead of"},
	}
	for _, tt := range tests {
		_, err := v.Verify([]string{c.proof(t, c.header(), claimsAt(tt.issued))}, "POST", "/v1/token", at)
		if tt.want == "" {
			if err != nil {
				t.Errorf("iat %v: Verify: %v", tt.issued, err)
			}
			continue
		}
		f, ok := errors.AsType[*signin.Fault](err)
		if !ok || f.Kind != signin.ProofStale || !strings.Contains(f.Message, tt.want) {
			t.Errorf("iat %v: Verify: %v, want ProofStale with %q", tt.issued, err, tt.want)
		}
	}
}

// The ID joins proofs that claim to be one, whatever else differs, and no others.
func TestProofIDIsOfKeyAndJTI(t *testing.T) {
	v := newVerifier(t)
	id := func(c client, claims string) [32]byte {
		p, err := v.Verify([]string{c.proof(t, c.header(), claims)}, "POST", "/v1/token", now)
		if err != nil {
			t.Fatal(err)
		}
		return p.ID
	}
	one := id(alice(t), claimsAt(now))
	if again := id(alice(t), claimsAt(now.Add(time.Second))); again != one {
		t.Error("one key, one jti: two IDs")
	}
	if other := id(sam(t), claimsAt(now)); other == one {
		t.Error("another key: the same ID")
	}
	if other := id(alice(t), strings.Replace(claimsAt(now), "e711", "e712", 1)); other == one {
		t.Error("another jti: the same ID")
	}
}

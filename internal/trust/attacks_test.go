package trust_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-id/latchkey/internal/fetch"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/trust"
)

const audience = "https://signin.example.com"

// world is an issuer, and what an account makes of its tokens.
type world struct {
	*testkit.Issuer
	keys  *trust.Keys
	rules trust.Rules
}

func newWorld(t *testing.T) *world {
	private := fetch.New(fetch.Options{AllowPrivate: true, AllowLoopbackHTTP: true})
	return &world{
		Issuer: testkit.StartIssuer(t), keys: trust.NewKeys(fetch.New(fetch.Options{}), private),
		rules: trust.Rules{AllowPrivate: true, Roles: []trust.Mapping{{Role: "Reader"}}},
	}
}

// take does all that an exchange does with a subject token.
func (w *world) take(t *testing.T, token string, now time.Time) error {
	t.Helper()
	read, err := trust.Read(token)
	if err != nil {
		return err
	}
	if err := read.Check(now); err != nil {
		return err
	}
	if read.Issuer != w.URL || !read.IsFor(audience) {
		return signin.Refuse(signin.SubjectTokenInvalid, "not trusted")
	}
	if err := w.verify(t.Context(), read, now); err != nil {
		return err
	}
	_, _, err = w.rules.Role(read)
	return err
}

// verify finds the keys of a token and verifies it.
func (w *world) verify(ctx context.Context, token *trust.Token, now time.Time) error {
	found, err := w.keys.Find(ctx, token, w.rules, now)
	if err != nil {
		return err
	}
	return found.Verify()
}

// b64 is base64url of text.
func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forge returns a token with that header and those claims; sign makes the signature of the text before it.
func forge(header string, claims any, sign func(signed string) []byte) string {
	payload, ok := claims.(string)
	if !ok {
		b, _ := json.Marshal(claims)
		payload = string(b)
	}
	signed := b64(header) + "." + b64(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(sign(signed))
}

func zeroes(n int) func(string) []byte { return func(string) []byte { return make([]byte, n) } }

// Each attack is a token that somebody would like to exchange. A good token comes before and after it, so that each is
// refused for what is wrong with it alone, and nothing stays of it.
func TestTokensOfAttackers(t *testing.T) {
	w := newWorld(t)
	rsaKey := w.Rotate(t, "RS256")
	old := w.Rotate(t, "ES256")
	good := w.Rotate(t, "ES256")
	now := time.Now()
	claims := func(more map[string]any) map[string]any { return w.Claims(audience, "alice", more) }
	in := func(d time.Duration) int64 { return now.Add(d).Unix() }
	thief, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger := testkit.IssuerKey{ID: good.ID, Algorithm: "ES256", Private: thief}
	header := func(more string) string { return fmt.Sprintf(`{"alg":"ES256","typ":"JWT","kid":%q%s}`, good.ID, more) }
	signature := strings.Split(good.Sign(t, claims(nil), nil), ".")
	// The published RSA key, as bytes that anybody can compute: the secret of a verifier that mistakes it for one.
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	mac := func(secret []byte) func(string) []byte {
		return func(signed string) []byte {
			h := hmac.New(sha256.New, secret)
			h.Write([]byte(signed))
			return h.Sum(nil)
		}
	}
	published, _ := json.Marshal(jose.JSONWebKey{Key: rsaKey.Private.Public(), KeyID: rsaKey.ID})
	embedded, _ := json.Marshal(jose.JSONWebKey{Key: thief.Public()})
	confused := fmt.Sprintf(`{"alg":"HS256","typ":"JWT","kid":%q}`, rsaKey.ID)

	for _, tt := range []struct{ name, token, reason string }{
		{"unsigned, alg none", forge(`{"alg":"none","kid":"`+good.ID+`"}`, claims(nil), zeroes(0)), "with a signature"},
		{"alg none with a signature", forge(`{"alg":"none","kid":"`+good.ID+`"}`, claims(nil), zeroes(64)), "unsigned tokens"},
		{"alg nOnE", forge(`{"alg":"nOnE","kid":"`+good.ID+`"}`, claims(nil), zeroes(64)), "unsigned tokens"},
		{"no alg", forge(`{"kid":"`+good.ID+`"}`, claims(nil), zeroes(64)), "unsigned tokens"},
		{"the signature cut off", signature[0] + "." + signature[1] + ".", "with a signature"},
		{"two parts", signature[0] + "." + signature[1], "compact form"},
		{"a MAC with the public key in DER", forge(confused, claims(nil), mac(der)), "shared secrets"},
		{"a MAC with the public key in PEM", forge(confused, claims(nil), mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))), "shared secrets"},
		{"a MAC with the published JWK", forge(confused, claims(nil), mac(published)), "shared secrets"},
		{"a MAC under an allowed alg", forge(header(""), claims(nil), mac(der)), "does not verify"},
		{"the key of another", stranger.Sign(t, claims(nil), nil), "does not verify"},
		{"an unknown kid", good.Sign(t, claims(nil), map[jose.HeaderKey]any{"kid": "nobody"}), "no key of that kid"},
		{"the kid of another key", good.Sign(t, claims(nil), map[jose.HeaderKey]any{"kid": old.ID}), "does not verify"},
		{"the kid of a key for another alg", good.Sign(t, claims(nil), map[jose.HeaderKey]any{"kid": rsaKey.ID}), "no key of that kid and alg"},
		{"no kid", good.Sign(t, claims(nil), map[jose.HeaderKey]any{"kid": ""}), "kid"},
		{"a kid that is a path", good.Sign(t, claims(nil), map[jose.HeaderKey]any{"kid": "../../keys"}), "no key of that kid"},
		{"a kid that is a number", forge(`{"alg":"ES256","kid":1}`, claims(nil), zeroes(64)), "must be strings"},
		{"its own key, embedded", stranger.Sign(t, claims(nil), map[jose.HeaderKey]any{"jwk": json.RawMessage(embedded)}), "jwk"},
		{"the address of its own keys", stranger.Sign(t, claims(nil), map[jose.HeaderKey]any{"jku": w.URL + "/stolen"}), "jku"},
		{"its own certificate", stranger.Sign(t, claims(nil), map[jose.HeaderKey]any{"x5c": []string{"MIIB"}}), "x5c"},
		{"the address of its certificate", stranger.Sign(t, claims(nil), map[jose.HeaderKey]any{"x5u": w.URL + "/stolen"}), "x5u"},
		{"something critical", forge(header(`,"crit":["exp"],"exp":1`), claims(nil), zeroes(64)), "crit"},
		{"an unencoded payload", forge(header(`,"b64":false`), claims(nil), zeroes(64)), "b64"},
		{"a psychic signature", forge(header(""), claims(nil), zeroes(64)), "does not verify"}, // CVE-2022-21449: r and s are 0
		{"an empty r", forge(header(""), claims(nil), func(string) []byte { return append(make([]byte, 63), 1) }), "does not verify"},
		{"a signature in DER", forge(header(""), claims(nil), func(s string) []byte {
			sum := sha256.Sum256([]byte(s))
			der, _ := good.Private.Sign(rand.Reader, sum[:], crypto.SHA256)
			return der
		}), "does not verify"},
		{"other claims under a good signature", signature[0] + "." + b64(`{"iss":"`+w.URL+`","aud":"`+audience+`","sub":"root","exp":9999999999}`) + "." + signature[2], "does not verify"},
		{"another header under a good signature", b64(header(`,"x":1`)) + "." + signature[1] + "." + signature[2], "does not verify"},
		{"an alg that the account does not take", w.Rotate(t, "PS256").Sign(t, claims(nil), nil), "not one that this account takes"},
		{"JSON serialization", `{"payload":"` + signature[1] + `","protected":"` + signature[0] + `","signature":"` + signature[2] + `"}`, "compact form"},
		{"two signatures", `{"payload":"` + signature[1] + `","signatures":[{"protected":"` + signature[0] + `","signature":"` + signature[2] + `"},{"protected":"` + signature[0] + `","signature":"` + signature[2] + `"}]}`, "compact form"},
		{"four parts", strings.Join(signature, ".") + "." + signature[2], "compact form"},
		{"encrypted", signature[0] + "." + signature[0] + "." + signature[0] + "." + signature[1] + "." + signature[2], "compact form"},
		{"padding", signature[0] + "." + signature[1] + "." + signature[2] + "==", "base64url"},
		{"a line end in the signature", signature[0] + "." + signature[1] + "." + signature[2][:10] + "\n" + signature[2][10:], "base64url"},
		{"a second spelling of the signature", signature[0] + "." + signature[1] + "." + respell(signature[2]), "base64url"},
		{"a blank before it", " " + strings.Join(signature, "."), "header cannot be read"},
		{"a proof of possession", good.Sign(t, claims(nil), map[jose.HeaderKey]any{"typ": "dpop+jwt"}), "typ"},
		{"a logout token", good.Sign(t, claims(nil), map[jose.HeaderKey]any{"typ": "logout+jwt"}), "typ"},

		{"a claim twice", good.Sign(t, `{"iss":"`+w.URL+`","aud":"`+audience+`","sub":"alice","sub":"root","exp":9999999999}`, nil), "one is there twice"},
		{"a claim twice, with an escape", good.Sign(t, `{"iss":"`+w.URL+`","aud":"`+audience+`","sub":"alice","s\u0075b":"root","exp":9999999999}`, nil), "one is there twice"},
		{"a claim twice, deeper", good.Sign(t, `{"iss":"`+w.URL+`","aud":"`+audience+`","sub":"alice","exp":9999999999,"x":{"a":1,"a":2}}`, nil), "one is there twice"},
		{"a header member twice", forge(`{"alg":"none","alg":"ES256","kid":"`+good.ID+`"}`, claims(nil), zeroes(64)), "has a member twice"},
		{"claims after the claims", good.Sign(t, `{"iss":"x"}{"iss":"y"}`, nil), "not one JSON object"},
		{"claims that are a list", good.Sign(t, `[]`, nil), "not one JSON object"},
		{"claims that are null", good.Sign(t, `null`, nil), "not one JSON object"},
		{"claims that are not UTF-8", good.Sign(t, "{\"iss\":\"\xff\"}", nil), "not one JSON object"},
		{"another audience", good.Sign(t, w.Claims("https://other.example.com", "alice", nil), nil), "not trusted"},
		{"an audience in other case", good.Sign(t, w.Claims(strings.ToUpper(audience), "alice", nil), nil), "not trusted"},
		{"an audience that begins alike", good.Sign(t, w.Claims(audience+".evil.test", "alice", nil), nil), "not trusted"},
		{"no audience", good.Sign(t, claims(map[string]any{"aud": nil}), nil), "aud"},
		{"an empty list of audiences", good.Sign(t, claims(map[string]any{"aud": []string{}}), nil), "aud"},
		{"an audience that is an object", good.Sign(t, claims(map[string]any{"aud": map[string]any{}}), nil), "aud"},
		{"another issuer", good.Sign(t, claims(map[string]any{"iss": "https://evil.test"}), nil), "not trusted"},
		{"the issuer with a slash", good.Sign(t, claims(map[string]any{"iss": w.URL + "/"}), nil), "not trusted"},
		{"no issuer", good.Sign(t, claims(map[string]any{"iss": nil}), nil), "iss"},
		{"expired", good.Sign(t, claims(map[string]any{"exp": in(0)}), nil), "expired"},
		{"expired long ago", good.Sign(t, claims(map[string]any{"exp": 1}), nil), "expired"},
		{"without expiry", good.Sign(t, claims(map[string]any{"exp": nil}), nil), "exp"},
		{"an expiry that is text", good.Sign(t, claims(map[string]any{"exp": fmt.Sprint(in(time.Hour))}), nil), "numbers"},
		{"an expiry beyond all numbers", good.Sign(t, claims(map[string]any{"exp": 1e300}), nil), "numbers"},
		{"an expiry that is null", good.Sign(t, `{"iss":"`+w.URL+`","aud":"`+audience+`","sub":"alice","exp":null}`, nil), "numbers"},
		{"not good yet", good.Sign(t, claims(map[string]any{"nbf": in(62 * time.Second)}), nil), "nbf"},
		{"issued in the future", good.Sign(t, claims(map[string]any{"iat": in(62 * time.Second)}), nil), "iat"},
		{"no subject", good.Sign(t, claims(map[string]any{"sub": nil}), nil), "names its session"},
		{"a subject that is a list", good.Sign(t, claims(map[string]any{"sub": []string{"alice"}}), nil), "sub"},
		{"actors without end", good.Sign(t, claims(map[string]any{"act": nested(5)}), nil), "nests too deep"},
		{"hundreds of actors", good.Sign(t, claims(map[string]any{"act": nested(300)}), nil), "too long"},
		{"a long actor", good.Sign(t, claims(map[string]any{"act": map[string]any{"sub": strings.Repeat("a", 1100)}}), nil), "too long"},
		{"an actor that is text", good.Sign(t, claims(map[string]any{"act": "bob"}), nil), "object"},
		{"a huge token", good.Sign(t, claims(map[string]any{"x": strings.Repeat("a", 16000)}), nil), "4 to 20000 characters"},
		{"brackets without end", good.Sign(t, `{"x":`+strings.Repeat("[", 12000)+`}`, nil), "not one JSON object"},
		{"a short text", "a.b", "4 to 20000 characters"},
		{"dots", "....", "compact form"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := w.take(t, good.Sign(t, claims(nil), nil), now); err != nil {
				t.Fatalf("a good token: %v", err)
			}
			err := w.take(t, tt.token, now)
			if kind := signin.KindOf(err); kind != signin.SubjectTokenInvalid && !(kind == signin.ParameterInvalid && strings.Contains(tt.reason, "characters")) {
				t.Errorf("take = %v, want that the token is refused", err)
			} else if !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("take = %v, want %q", err, tt.reason)
			}
			for _, secret := range []string{"alice", good.ID, "evil"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the refusal repeats what the token says: %v", err)
				}
			}
		})
	}
	w.Requests()
	if err := w.take(t, stranger.Sign(t, claims(nil), map[jose.HeaderKey]any{"jku": w.URL + "/stolen"}), now); err == nil || w.Requests() != 0 {
		t.Errorf("a token with jku: %v, and something was fetched", err)
	}
}

// nested is depth actors, each acting for the next.
func nested(depth int) map[string]any {
	act := map[string]any{"sub": "a"}
	for range depth - 1 {
		act = map[string]any{"sub": "a", "act": act}
	}
	return act
}

// respell changes the bits of the last character that no byte is made of.
func respell(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return s[:len(s)-1] + string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])^1])
}

// What honest issuers send is taken.
func TestTokensOfHonestIssuers(t *testing.T) {
	w := newWorld(t)
	w.rules.Algorithms = []string{"RS256", "ES256", "PS256"}
	now := time.Now()
	rsaKey, pss, good := w.Rotate(t, "RS256"), w.Rotate(t, "PS256"), w.Rotate(t, "ES256")
	claims := func(more map[string]any) map[string]any { return w.Claims(audience, "alice", more) }
	for name, token := range map[string]string{
		"RS256":                      rsaKey.Sign(t, claims(nil), nil),
		"PS256":                      pss.Sign(t, claims(nil), nil),
		"several audiences":          good.Sign(t, claims(map[string]any{"aud": []string{"a", audience}}), nil),
		"an access token (RFC 9068)": good.Sign(t, claims(nil), map[jose.HeaderKey]any{"typ": "application/AT+JWT"}),
		"a thumbprint beside kid":    good.Sign(t, claims(nil), map[jose.HeaderKey]any{"x5t": "abc"}),
		"times with fractions":       good.Sign(t, claims(map[string]any{"exp": float64(now.UnixMilli())/1000 + 60.5}), nil),
		"no iat and nbf":             good.Sign(t, claims(map[string]any{"iat": nil, "nbf": nil}), nil),
		"a clock a minute ahead":     good.Sign(t, claims(map[string]any{"iat": now.Unix() + 59, "nbf": now.Unix() + 59}), nil),
		"an actor of an actor":       good.Sign(t, claims(map[string]any{"act": nested(4)}), nil),
	} {
		if err := w.take(t, token, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

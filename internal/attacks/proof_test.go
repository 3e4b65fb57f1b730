package attacks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

var b64 = base64.RawURLEncoding.EncodeToString

// forgery makes proofs that no client makes. header and claims are JSON; sign makes the signature over both.
type forgery struct {
	header, claims string
	sign           func(signed string) []byte
}

func (f forgery) proof() string {
	signed := b64([]byte(f.header)) + "." + b64([]byte(f.claims))
	return signed + "." + b64(f.sign(signed))
}

// es256 signs as a client does: r and s, 32 bytes each.
func es256(key *ecdsa.PrivateKey) func(string) []byte {
	return func(signed string) []byte {
		digest := sha256.Sum256([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			panic(err) // the system's randomness never fails
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
}

// constant is a signature that no key made.
func constant(b []byte) func(string) []byte { return func(string) []byte { return b } }

// coordinates returns x and y of the key as a JWK has them.
func coordinates(key *ecdsa.PrivateKey) (x, y string) {
	b, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err) // the test kit's keys are of P-256
	}
	return b64(b[1:33]), b64(b[33:])
}

func jwk(key *ecdsa.PrivateKey, more string) string {
	x, y := coordinates(key)
	return `{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `"` + more + `}`
}

func proofHeader(alg, jwk, more string) string {
	return `{"typ":"dpop+jwt","alg":"` + alg + `","jwk":` + jwk + more + `}`
}

func proofClaims(s *testkit.Server, more string) string {
	return fmt.Sprintf(`{"htm":"POST","htu":%q,"iat":%d,"jti":%q%s}`, s.Base+wire.TokenPath, time.Now().Unix(), rand.Text(), more)
}

// Class: refresh token theft, CWE-613 and CWE-294. Mallory copies the cache file of Alice's computer, or a log line, and
// has a refresh token; the key stayed where it was. Keycloak gave several answers to one refresh token that was to be used
// once (CVE-2026-1035), and took a token that had been replaced before the server restarted (CVE-2026-9802): rotation
// alone, which needs memory, is what failed.
//
// Here a refresh token is worth nothing without the key of its login. There is no way to bind it to another key, to none,
// or to another client, and trying ends nothing for Alice.
func TestStolenRefreshTokenIsWorthless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		alice, mallory := s.Client(), s.Client()
		app := s.Confidential(t, "app")
		token, appToken := alice.Login(t).RefreshToken, app.Login(t).RefreshToken
		half := forgery{proofHeader("ES256", jwk(alice.Key, ""), ""), proofClaims(s, ""), es256(mallory.Key)}.proof()
		for _, tt := range []struct {
			name, proof string
			want        signin.Kind
		}{
			{"no proof", "", signin.ProofMissing},
			{"a key of her own", mallory.Proof(), signin.ProofKeyMismatch},
			{"Alice's public key and her own signature", half, signin.ProofInvalid},
			{"Alice's public key and no signature", half[:strings.LastIndex(half, ".")+1], signin.ProofInvalid},
			{"the token as proof", token, signin.ProofInvalid},
		} {
			a := mallory.Post(t, mallory.RefreshBody(token), tt.proof)
			t.Log(tt.name)
			a.WantFault(t, tt.want)
		}
		// Nor as another client: without a key where that needs none, or with one where it needs none.
		mallory.Post(t, with(mallory.RefreshBody(token), "clientId", signin.CrossDevice), mallory.Proof()).WantFault(t, signin.RefreshMismatch)
		mallory.Post(t, with(mallory.RefreshBody(token), "clientId", app.ID), mallory.Proof()).WantFault(t, signin.SignatureMissing)
		app.Refresh(t, token).WantFault(t, signin.RefreshMismatch)
		mallory.Refresh(t, appToken).WantFault(t, signin.RefreshMismatch)
		mallory.Post(t, with(mallory.RefreshBody(appToken), "clientId", app.ID), mallory.Proof()).WantFault(t, signin.SignatureMissing)

		// A restart forgets nothing that this needs.
		s.Restart(t)
		mallory.Refresh(t, token).WantFault(t, signin.ProofKeyMismatch)
		time.Sleep(time.Hour)
		first := mustRefresh(t, alice, token)
		if again := mustRefresh(t, alice, token); again.AccessToken != first.AccessToken || again.RefreshToken != first.RefreshToken {
			t.Error("one refresh token gave two answers in one step")
		}
		mallory.Refresh(t, first.RefreshToken).WantFault(t, signin.ProofKeyMismatch)
	})
}

// Class: proof replay, CWE-294. Mallory reads one proof, in a proxy's log or on a wire that TLS does not protect, and
// sends it with a request of her own. Hydra and Fosite did not notice that an assertion came a second time
// (CVE-2020-5300, CVE-2020-15222).
//
// Here a proof is good for the one body that it was answered for and for the step that it was answered in, at this URL and
// with this method, for as long as its iat is within the window.
func TestReplayedProofYieldsNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		alice := s.Client()
		login := alice.Login(t)
		second := mustRedeem(t, alice, alice.Authorize(t)) // of the same key
		proof := alice.Proof()
		first := alice.Post(t, alice.RefreshBody(login.RefreshToken), proof)
		if first.Status != http.StatusOK {
			t.Fatalf("refresh = %d %s", first.Status, first.Body)
		}
		code := alice.Authorize(t)
		for name, body := range map[string]string{
			"another session's token":    text(t, alice.RefreshBody(second.RefreshToken)),
			"a code":                     text(t, alice.CodeBody(code)),
			"one more member":            strings.Replace(text(t, alice.RefreshBody(login.RefreshToken)), "{", `{"x":1,`, 1),
			"one more space":             text(t, alice.RefreshBody(login.RefreshToken)) + " ",
			"the same in another order":  `{"refreshToken":"` + login.RefreshToken + `","clientId":"` + alice.ID + `","grantType":"refresh_token"}`,
			"the same in snake case":     `{"client_id":"` + alice.ID + `","grant_type":"refresh_token","refresh_token":"` + login.RefreshToken + `"}`,
			"the token after the answer": text(t, alice.RefreshBody(first.RefreshToken)) + "\n",
		} {
			a := alice.Send(t, tokenRequest(s, jsonType, body, proof))
			t.Log(name)
			a.WantFault(t, signin.ProofReplayed)
		}
		mustRedeem(t, alice, code)
		// The very same request, while the proof is good, gives what it gave.
		time.Sleep(4 * time.Minute)
		if a := alice.Post(t, alice.RefreshBody(login.RefreshToken), proof); a.Status != http.StatusOK || a.AccessToken != first.AccessToken || a.RefreshToken != first.RefreshToken {
			t.Errorf("the captured request, sent again = %d, want the first answer again", a.Status)
		}
		time.Sleep(2 * time.Minute)
		alice.Post(t, alice.RefreshBody(login.RefreshToken), proof).WantFault(t, signin.ProofStale)

		for _, tt := range []struct {
			name, method, url string
			iat               time.Duration
			want              signin.Kind
		}{
			{"made for a GET", "GET", s.Base + wire.TokenPath, 0, signin.ProofInvalid},
			{"made for a POST in lower case", "post", s.Base + wire.TokenPath, 0, signin.ProofInvalid},
			{"made for another path", "POST", s.Base + "/v1/revoke", 0, signin.ProofInvalid},
			{"made for a path below", "POST", s.Base + wire.TokenPath + "/x", 0, signin.ProofInvalid},
			{"made for the path in capitals", "POST", s.Base + "/V1/TOKEN", 0, signin.ProofInvalid},
			{"made for an encoded path", "POST", s.Base + "/v1%2Ftoken", 0, signin.ProofInvalid},
			{"made for dot segments", "POST", s.Base + "/x/../v1/token", 0, signin.ProofInvalid},
			{"made for another host", "POST", "http://evil.example/v1/token", 0, signin.ProofInvalid},
			{"made for another port", "POST", "http://127.0.0.1:8081/v1/token", 0, signin.ProofInvalid},
			{"made for a host below", "POST", "http://127.0.0.1:8080.evil.example/v1/token", 0, signin.ProofInvalid},
			{"made for a host behind a user name", "POST", "http://127.0.0.1:8080@evil.example/v1/token", 0, signin.ProofInvalid},
			{"made for no host", "POST", "/v1/token", 0, signin.ProofInvalid},
			{"made for another scheme", "POST", "ftp://127.0.0.1:8080/v1/token", 0, signin.ProofInvalid},
			{"made by a clock behind", "POST", s.Base + wire.TokenPath, -301 * time.Second, signin.ProofStale},
			{"made by a clock ahead", "POST", s.Base + wire.TokenPath, 302 * time.Second, signin.ProofStale},
			{"made in another century", "POST", s.Base + wire.TokenPath, 100 * 365 * 24 * time.Hour, signin.ProofStale},
		} {
			t.Log(tt.name)
			made := testkit.Proof(alice.Key, tt.method, tt.url, time.Now().Add(tt.iat), rand.Text())
			alice.Post(t, alice.RefreshBody(login.RefreshToken), made).WantFault(t, tt.want)
		}
		// Two headers are none: what one reader takes, another might not.
		r := tokenRequest(s, jsonType, text(t, alice.RefreshBody(login.RefreshToken)), alice.Proof())
		r.Header.Add("DPoP", alice.Proof())
		alice.Send(t, r).WantFault(t, signin.ProofInvalid)
		mustRefresh(t, alice, login.RefreshToken)
	})
}

// The same attack with another memory: Mallory captured a whole refresh request, and sends it to another node, or to the
// server after a restart, in a later step. Which step is answered is decided by what is in the request, so she gets what
// was in the answer that she could have captured.
func TestReplayAtAnotherNodeYieldsNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testkit.Start(t)
		alice := s.Client()
		token := alice.Login(t).RefreshToken
		time.Sleep(s.Config.Lifetimes.Step - time.Minute)
		proof := alice.Proof()
		first := alice.Post(t, alice.RefreshBody(token), proof)
		if first.Status != http.StatusOK {
			t.Fatalf("refresh = %d %s", first.Status, first.Body)
		}
		time.Sleep(3 * time.Minute) // in the next step, and within the window of the proof
		s.Restart(t)
		if a := alice.Post(t, alice.RefreshBody(token), proof); a.Status != http.StatusOK || a.AccessToken != first.AccessToken || a.RefreshToken != first.RefreshToken {
			t.Errorf("the captured request at a server that does not remember it = %d with the access key id %s, want the first answer again: %s",
				a.Status, a.AccessToken.AccessKeyID, first.AccessToken.AccessKeyID)
		}
	})
}

// Class: algorithm confusion, CWE-347. The token says how it is to be verified, and Mallory writes the token: no algorithm,
// or an HMAC whose secret is the public key, or a key of hers. jsonwebtoken did what the header said (CVE-2022-23540),
// node-jose trusted a key that came in the header (CVE-2018-0114), Java took the signature of two zeros for anybody's
// (CVE-2022-21449), Authlib passed over what the header declared critical (CVE-2025-59420).
//
// Here one algorithm is verified, ES256, with the key that the session is bound to.
func TestAlgorithmConfusionIsRefused(t *testing.T) {
	s := testkit.Start(t)
	alice := s.Client()
	token := alice.Login(t).RefreshToken
	x, _ := coordinates(alice.Key)
	public, err := alice.Key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	hs256 := func(secret []byte) func(string) []byte {
		return func(signed string) []byte {
			h := hmac.New(sha256.New, secret)
			h.Write([]byte(signed))
			return h.Sum(nil)
		}
	}
	mallory, own := testkit.NewKey(), jwk(alice.Key, "")
	der, err := ecdsa.SignASN1(rand.Reader, alice.Key, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	order := elliptic.P256().Params().N.FillBytes(make([]byte, 32))
	one := new(big.Int).SetInt64(1).FillBytes(make([]byte, 32))
	for name, f := range map[string]forgery{
		"none":                             {proofHeader("none", own, ""), "", constant(nil)},
		"None":                             {proofHeader("None", own, ""), "", constant(make([]byte, 64))},
		"none with Alice's key":            {proofHeader("none", own, ""), "", es256(alice.Key)},
		"no alg":                           {`{"typ":"dpop+jwt","jwk":` + own + `}`, "", es256(alice.Key)},
		"alg null":                         {`{"typ":"dpop+jwt","alg":null,"jwk":` + own + `}`, "", es256(alice.Key)},
		"HS256, secret: the point":         {proofHeader("HS256", own, ""), "", hs256(public)},
		"HS256, secret: the JWK":           {proofHeader("HS256", own, ""), "", hs256([]byte(own))},
		"HS256, secret: x":                 {proofHeader("HS256", own, ""), "", hs256([]byte(x))},
		"HS256 with a key of bytes":        {proofHeader("HS256", `{"kty":"oct","k":"AAAA"}`, ""), "", hs256(make([]byte, 3))},
		"RS256":                            rs256(t),
		"ES256 of an RSA key":              {proofHeader("ES256", `{"kty":"RSA","n":"AQAB","e":"AQAB"}`, ""), "", constant(make([]byte, 64))},
		"ES384":                            {proofHeader("ES384", own, ""), "", constant(make([]byte, 96))},
		"ES256K":                           {proofHeader("ES256K", strings.Replace(own, "P-256", "secp256k1", 1), ""), "", es256(alice.Key)},
		"EdDSA":                            {proofHeader("EdDSA", `{"kty":"OKP","crv":"Ed25519","x":"`+x+`"}`, ""), "", constant(make([]byte, 64))},
		"another curve for the same point": {proofHeader("ES256", strings.Replace(own, "P-256", "P-384", 1), ""), "", es256(alice.Key)},
		"the private key inside":           {proofHeader("ES256", jwk(alice.Key, `,"d":"`+b64(one)+`"`), ""), "", es256(alice.Key)},
		"a key for encryption":             {proofHeader("ES256", jwk(alice.Key, `,"use":"enc"`), ""), "", es256(alice.Key)},
		"crit":                             {proofHeader("ES256", own, `,"crit":["exp"],"exp":1`), "", es256(alice.Key)},
		"crit, empty":                      {proofHeader("ES256", own, `,"crit":[]`), "", es256(alice.Key)},
		"b64 false":                        {proofHeader("ES256", own, `,"b64":false,"crit":["b64"]`), "", es256(alice.Key)},
		"a key to fetch":                   {`{"typ":"dpop+jwt","alg":"ES256","jku":"http://127.0.0.1:1/"}`, "", es256(alice.Key)},
		"a certificate to fetch":           {`{"typ":"dpop+jwt","alg":"ES256","x5u":"http://127.0.0.1:1/"}`, "", es256(alice.Key)},
		"a certificate":                    {`{"typ":"dpop+jwt","alg":"ES256","x5c":["AAAA"]}`, "", es256(alice.Key)},
		"a key id":                         {`{"typ":"dpop+jwt","alg":"ES256","kid":"../../dev/null"}`, "", es256(alice.Key)},
		"two keys":                         {`{"typ":"dpop+jwt","alg":"ES256","jwk":` + own + `,"jwk":` + jwk(mallory, "") + `}`, "", es256(mallory)},
		"two algorithms":                   {`{"typ":"dpop+jwt","alg":"ES256","alg":"none","jwk":` + own + `}`, "", constant(nil)},
		"zeros":                            {proofHeader("ES256", own, ""), "", constant(make([]byte, 64))},
		"r is 1, s is 0":                   {proofHeader("ES256", own, ""), "", constant(append(one, make([]byte, 32)...))},
		"the order of the curve":           {proofHeader("ES256", own, ""), "", constant(append(order, order...))},
		"a DER signature":                  {proofHeader("ES256", own, ""), "", constant(der)},
		"an id token":                      {strings.Replace(proofHeader("ES256", own, ""), "dpop+jwt", "JWT", 1), "", es256(alice.Key)},
		"no type":                          {`{"alg":"ES256","jwk":` + own + `}`, "", es256(alice.Key)},
		"a point beside the curve":         {proofHeader("ES256", strings.Replace(own, x, b64(one), 1), ""), "", es256(alice.Key)},
		"a point at infinity":              {proofHeader("ES256", `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, ""), "", constant(make([]byte, 64))},
	} {
		t.Run(name, func(t *testing.T) {
			if f.claims == "" {
				f.claims = proofClaims(s, "")
			}
			alice.Post(t, alice.RefreshBody(token), f.proof()).WantFault(t, signin.ProofInvalid)
		})
	}
	// Members that nobody declared critical may be there, and mean nothing.
	f := forgery{proofHeader("ES256", own, `,"kid":"x","jku":"http://127.0.0.1:1/"`), proofClaims(s, `,"nonce":"x","ath":"x"`), es256(alice.Key)}
	if a := alice.Post(t, alice.RefreshBody(token), f.proof()); a.Status != http.StatusOK {
		t.Errorf("a proof with members that mean nothing = %d %s, want 200", a.Status, a.Body)
	}
	// Whatever key signs, the session's is what counts.
	f = forgery{proofHeader("ES256", jwk(mallory, ""), ""), proofClaims(s, ""), es256(mallory)}
	alice.Post(t, alice.RefreshBody(token), f.proof()).WantFault(t, signin.ProofKeyMismatch)
}

// rs256 is a proof of an RSA key, as other servers take.
func rs256(t *testing.T) forgery {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := `{"kty":"RSA","n":"` + b64(key.N.Bytes()) + `","e":"AQAB"}`
	return forgery{proofHeader("RS256", public, ""), "", func(signed string) []byte {
		digest := sha256.Sum256([]byte(signed))
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}}
}

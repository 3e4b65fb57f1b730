package browser

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// session is what a program gets for a code.
type session struct {
	AccessToken struct {
		AccessKeyID     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
		SessionToken    string `json:"sessionToken"`
	} `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	IDToken      string `json:"idToken"`
}

// principal returns the sub of the id token, without a look at its signature.
func (s session) principal() (string, error) {
	parts := strings.Split(s.IDToken, ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("id token with %d parts, want 3", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	var claims struct{ Sub string }
	err = json.Unmarshal(text, &claims)
	return claims.Sub, err
}

// redeem exchanges the code at POST /v1/token.
func (p *program) redeem(ctx context.Context, code string) (session, error) {
	body, err := json.Marshal(map[string]string{
		"clientId": p.client, "grantType": "authorization_code", "code": code,
		"codeVerifier": p.verifier, "redirectUri": p.redirect,
	})
	if err != nil {
		return session{}, err
	}
	address := p.base + "/v1/token"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return session{}, err
	}
	proof, err := p.proof(address, time.Now())
	if err != nil {
		return session{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("DPoP", proof)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return session{}, err
	}
	defer response.Body.Close()
	var answer struct {
		session
		Error, Message string
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return session{}, err
	}
	if response.StatusCode != http.StatusOK {
		return session{}, fmt.Errorf("%d %s: %s", response.StatusCode, answer.Error, answer.Message)
	}
	return answer.session, nil
}

// wantSession redeems the code, which must be good for a session as the role of the person.
func (p *program) wantSession(t *testing.T, code, role, person string) session {
	t.Helper()
	got, err := p.redeem(t.Context(), code)
	if err != nil {
		t.Fatalf("redeem the code: %v", err)
	}
	principal, err := got.principal()
	if want := "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + person; err != nil || principal != want {
		t.Errorf("sub of the id token = %q, %v, want %q", principal, err, want)
	}
	if a := got.AccessToken; a.AccessKeyID == "" || a.SecretAccessKey == "" || a.SessionToken == "" || got.RefreshToken == "" {
		t.Error("a member of the answer to the code is empty, want credentials and a refresh token")
	}
	return got
}

// proof returns the DPoP header of a POST to address (RFC 9449 section 4.2).
func (p *program) proof(address string, now time.Time) (string, error) {
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		return "", err
	}
	header := fmt.Sprintf(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","x":"%s","y":"%s","crv":"P-256"}}`,
		encode(point[1:33]), encode(point[33:]))
	claims := fmt.Sprintf(`{"htm":"POST","htu":"%s","iat":%d,"jti":"%s"}`, address, now.Unix(), rand.Text())
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, digest[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + encode(signature[:]), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

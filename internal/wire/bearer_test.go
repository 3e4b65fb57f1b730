package wire

import (
	"net/http/httptest"
	"testing"
)

// The order of the members is that of RFC 6749 section 5.1.
func TestBearerAnswerIsSpelledAsTheRequest(t *testing.T) {
	whole := BearerAnswer{AccessToken: "ASOAa", TokenType: Bearer, ExpiresIn: 3600, RefreshToken: "ASORr", IDToken: "a.b.c", Scope: "openid offline_access"}
	for _, tt := range []struct {
		spelling Spelling
		answer   BearerAnswer
		want     string
	}{
		{SnakeForm, whole, `{"access_token":"ASOAa","token_type":"Bearer","expires_in":3600,"refresh_token":"ASORr","id_token":"a.b.c","scope":"openid offline_access"}`},
		{SnakeJSON, whole, `{"access_token":"ASOAa","token_type":"Bearer","expires_in":3600,"refresh_token":"ASORr","id_token":"a.b.c","scope":"openid offline_access"}`},
		{CamelJSON, whole, `{"accessToken":"ASOAa","tokenType":"Bearer","expiresIn":3600,"refreshToken":"ASORr","idToken":"a.b.c","scope":"openid offline_access"}`},
		{SnakeJSON, BearerAnswer{AccessToken: "a.b.c", TokenType: Bearer, ExpiresIn: 1, IssuedTokenType: "urn:x"}, `{"access_token":"a.b.c","token_type":"Bearer","expires_in":1,"issued_token_type":"urn:x"}`},
		{SnakeForm, BearerAnswer{AccessToken: "ASOAa", TokenType: DPoPBound, ExpiresIn: 1}, `{"access_token":"ASOAa","token_type":"DPoP","expires_in":1}`},
	} {
		w := httptest.NewRecorder()
		c := &Call{Request: httptest.NewRequest("POST", TokenPath, nil)}
		WriteBearer(w, c, tt.spelling, tt.answer)
		if got := w.Body.String(); got != tt.want || w.Code != 200 {
			t.Errorf("WriteBearer = %d\n%s, want 200\n%s", w.Code, got, tt.want)
		}
		if h := w.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" || c.Record.Outcome != "ok" {
			t.Errorf("headers %v, outcome %q", h, c.Record.Outcome)
		}
	}
}

package wire

import (
	"net/http/httptest"
	"testing"
	"time"
)

// IntrospectOAuth2TokenWithIAM, response: what is not there is left out, and of what is not good nothing is there.
func TestIntrospectionIsSpelledAsDocumented(t *testing.T) {
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	full := Introspection{
		Kind: AccessTokenKind, ClientID: "c", Account: "111122223333", UserID: "AROA:alice", Subject: "arn:s", Audience: `https://a.example/"x"`,
		Issuer: "https://i", Issued: at, Expires: at.Add(time.Hour), ID: "j", Session: "arn:session", BoundKey: "k",
	}
	bare := Introspection{Kind: RefreshTokenKind, Resource: "r", Issued: at, Expires: at.Add(time.Hour)}
	for want, a := range map[string]*Introspection{
		`{"active":false}`: nil,
		`{"active":true,"token_type":"access_token","client_id":"c","account_id":"111122223333","user_id":"AROA:alice","sub":"arn:s","aud":"https://a.example/\"x\"","iss":"https://i","iat":1795867200,"nbf":1795867200,"exp":1795870800,"jti":"j","signin_session":"arn:session","cnf":{"jkt":"k"}}`: &full,
		`{"active":true,"token_type":"refresh_token","resource":"r","iat":1795867200,"nbf":1795867200,"exp":1795870800}`: &bare,
	} {
		w := httptest.NewRecorder()
		c := call("", "")
		WriteIntrospection(w, c, a)
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Cache-Control") != "no-store" || c.Record.Outcome != "ok" {
			t.Errorf("answer = %d %v\n%s\nwant\n%s", w.Code, w.Header(), w.Body, want)
		}
	}
}

// RevokeOAuth2TokenWithIAM, response: 200, nothing, of no type.
func TestNothingHasNoType(t *testing.T) {
	w := httptest.NewRecorder()
	WriteNothing(w, call("", ""))
	if _, typed := w.Header()["Content-Type"]; typed || w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "0" {
		t.Errorf("answer = %d %v %q, want an empty one", w.Code, w.Header(), w.Body)
	}
}

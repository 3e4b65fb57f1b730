package revoke

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// byHolder is what a request of a token's holder looks like (RFC 7009 section 2.1), in JSON in either spelling as well. The hint
// says nothing that the token does not, so whatever it is is passed over.
var byHolder = &wire.Shape{
	Operation: "RevokeOAuth2Token", Form: true,
	Members: []wire.Member{
		{Name: "token", Min: 1, Max: seal.MaxAccess, Needed: true},
		{Name: "token_type_hint", Camel: "tokenTypeHint"},
		{Name: "client_id", Camel: "clientId", Min: 1, Max: 2048},
	},
}

// ServeHolder answers POST /v1/revoke. Clients that registered or describe themselves are told errors in the plain shape of
// OAuth.
func (e *Endpoint) ServeHolder(w http.ResponseWriter, c *wire.Call) {
	clientID, err := e.revokeByHolder(c)
	switch {
	case err == nil:
		wire.WriteNothing(w, c)
	case signin.IsDynamicID(clientID):
		wire.WriteOAuthFault(w, c, err)
	default:
		wire.WriteFault(w, c, err)
	}
}

// revokeByHolder returns the client that the request, or else the token, names, as far as was read.
func (e *Endpoint) revokeByHolder(c *wire.Call) (clientID string, err error) {
	v, leave, err := e.Door.Admit(c, byHolder)
	if v.Body != nil {
		clientID = v.Text("client_id")
	}
	if err != nil {
		return clientID, err
	}
	defer leave()
	h, ok := open(e.Keys, v.Text("token"))
	if !ok {
		return clientID, nil
	}
	err = e.revokeHeld(c, v.Body, h, clientID)
	return cmp.Or(clientID, h.session.ClientID), err
}

// revokeHeld ends the session of h for its holder. Whether the session lives is told to nobody who lacks its key.
func (e *Endpoint) revokeHeld(c *wire.Call, body []byte, h held, clientID string) error {
	s := &h.session
	if clientID != "" && clientID != s.ClientID {
		return signin.Refuse(signin.RefreshMismatch, "the token was issued to another client")
	}
	c.Record.Client, c.Record.Session, c.Record.Principal, c.Record.Person = s.ClientID, s.ID.String(), s.Principal.ARN(), s.Principal.PersonID
	by := "It was asked for by the holder of a token, who also holds the key of the session."
	switch {
	case s.Key != (signin.Thumbprint{}):
		if err := e.prove(c, body, s.Key); err != nil {
			return err
		}
	case !signin.IsDynamicID(s.ClientID):
		return signin.Refuse(signin.TokenTypeRefused, "sessions of confidential clients are ended by signed requests: POST %s?x-amz-client-auth-method=iam", wire.RevokePath)
	default:
		by = "It was asked for by the holder of a token; the session is bound to no key."
	}
	if clientID == "" && signin.IsDynamicID(s.ClientID) {
		return signin.Refuse(signin.ParameterMissing, "client_id is missing") // RFC 7009 section 2.1
	}
	return e.end(c.Context(), c, h, by)
}

// prove checks that the caller holds key. A proof may come again with the same body, after an answer was lost, and with no
// other.
func (e *Endpoint) prove(c *wire.Call, body []byte, key signin.Thumbprint) error {
	proof, err := e.Proofs.Verify(c.Header.Values("DPoP"), http.MethodPost, wire.RevokePath, c.Now)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(key[:], proof.Key[:]) != 1 {
		return signin.Refuse(signin.ProofKeyMismatch, "the DPoP proof was made with another key than the one that this session is bound to")
	}
	_, err = e.Answered.Answer(proof, sha256.Sum256(body), 0, c.Now)
	return err
}

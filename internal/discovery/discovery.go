// Package discovery answers with what clients need to know beforehand: the authorization server metadata (RFC 8414), the
// OpenID configuration, and the keys that verify id tokens. The configuration goes in, three documents come out.
package discovery

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Documents are the documents of one server.
type Documents struct {
	ring     *keyring.Ring
	metadata metadata // without what the ring says
}

// The paths of the documents (RFC 8414 section 3; OpenID Connect Discovery section 4).
const (
	MetadataPath = "/.well-known/oauth-authorization-server"
	OpenIDPath   = "/.well-known/openid-configuration"
	JWKSPath     = "/.well-known/jwks.json"
)

// Options say what the server has.
type Options struct {
	Issuer            string // the first base URL
	Registration      bool   // POST /v1/register answers
	MetadataDocuments bool   // a client id may be the URL of a client id metadata document
}

// metadata has the members of RFC 8414 section 2 and OpenID Connect Discovery section 3, so that both documents are one.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	AuthorizationEndpoint    string   `json:"authorization_endpoint"`
	TokenEndpoint            string   `json:"token_endpoint"`
	RegistrationEndpoint     string   `json:"registration_endpoint,omitzero"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	JWKSURI                  string   `json:"jwks_uri"`
	ScopesSupported          []string `json:"scopes_supported"`
	ResponseTypes            []string `json:"response_types_supported"`
	ResponseModes            []string `json:"response_modes_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	SubjectTypes             []string `json:"subject_types_supported"`
	IDTokenAlgorithms        []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	ChallengeMethods         []string `json:"code_challenge_methods_supported"`
	DPoPAlgorithms           []string `json:"dpop_signing_alg_values_supported"`
	Claims                   []string `json:"claims_supported"`
	Prompts                  []string `json:"prompt_values_supported"`
	Documentation            string   `json:"service_documentation"`
	// Clients that speak RFC 9207 discard an answer that does not say who gave it.
	SaysIssuer bool `json:"authorization_response_iss_parameter_supported"`
	RequestURI bool `json:"request_uri_parameter_supported"` // true where it is left out
	// draft-ietf-oauth-client-id-metadata-document
	MetadataDocuments bool `json:"client_id_metadata_document_supported"`
}

// signed is how callers of introspection show who they are. There is no registered name for SigV4 (RFC 8414 section 2 lets
// servers have their own).
const signed = "aws_sigv4"

// New returns the documents of a server.
func New(o Options, ring *keyring.Ring) *Documents {
	m := metadata{
		Issuer:                   o.Issuer,
		AuthorizationEndpoint:    o.Issuer + "/v1/authorize",
		TokenEndpoint:            o.Issuer + wire.TokenPath,
		IntrospectionEndpoint:    o.Issuer + "/v1/introspect?x-amz-client-auth-method=iam",
		IntrospectionAuthMethods: []string{signed},
		RevocationEndpoint:       o.Issuer + "/v1/revoke",
		RevocationAuthMethods:    []string{"none"},
		JWKSURI:                  o.Issuer + JWKSPath,
		ScopesSupported:          []string{"openid", "offline_access"},
		ResponseTypes:            []string{"code"},
		ResponseModes:            []string{"query"},
		// The latter two are operations of their own, which a query of the token endpoint names.
		GrantTypes:        []string{"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"},
		SubjectTypes:      []string{"public"},
		TokenAuthMethods:  []string{"none", signed},
		ChallengeMethods:  []string{"S256", "SHA-256"},
		DPoPAlgorithms:    []string{"ES256"},
		Claims:            []string{"iss", "sub", "aud", "iat", "exp", "auth_time", "amr", "session_arn", "signin_session"},
		Prompts:           []string{"none", "login", "consent", "select_account"},
		Documentation:     o.Issuer + "/openapi.json",
		SaysIssuer:        true,
		MetadataDocuments: o.MetadataDocuments,
	}
	if o.Registration {
		m.RegistrationEndpoint = o.Issuer + "/v1/register"
	}
	return &Documents{ring: ring, metadata: m}
}

// written returns the metadata as it is now.
func (d *Documents) written() []byte {
	m := d.metadata
	m.IDTokenAlgorithms = d.ring.Algorithms()
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}

// Routes returns the handlers by pattern.
func (d *Documents) Routes() map[string]wire.Handler {
	return map[string]wire.Handler{
		"GET " + OpenIDPath:   d.serve("Discovery", d.written),
		"GET " + MetadataPath: d.serve("Discovery", d.written),
		"GET " + JWKSPath:     d.serve("JWKS", d.ring.JWKS),
	}
}

func (d *Documents) serve(operation string, body func() []byte) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) {
		c.Record.Operation = operation
		c.Record.Outcome = "ok"
		wire.WriteJSON(w, c, http.StatusOK, body())
	}
}

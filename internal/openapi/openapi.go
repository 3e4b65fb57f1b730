// Package openapi describes every operation of the server in OpenAPI 3.1: the base URL goes in, the document comes out.
//
// The limits that the document tells are those that the decoders hold requests to. A test of package server tries each at
// its edge and one past it.
package openapi

import (
	"bytes"
	_ "embed" // the document
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-id/latchkey/internal/wire"
)

// Path is where the document is served.
const Path = "/openapi.json"

//go:embed openapi.json
var document []byte

// placeholder is the server in the embedded document.
const placeholder = `"http://127.0.0.1:8080"`

// New returns the handler of GET /openapi.json for the server at base.
func New(base string) (wire.Handler, error) {
	quoted, err := jsontext.AppendQuote(nil, base)
	if err != nil {
		return nil, err
	}
	body := jsontext.Value(bytes.Replace(document, []byte(placeholder), quoted, 1))
	if err := body.Compact(); err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, c *wire.Call) {
		c.Record.Operation, c.Record.Outcome = "OpenAPI", "ok"
		wire.WriteJSON(w, c, http.StatusOK, body)
	}, nil
}

package server

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// operations are those that share one path, by the query that tells them apart, like x-amz-client-auth-method=iam; the one
// without is under the empty string. The query is looked at before the body is, because operations give the same grant
// type different meanings (wire: "Routing rule").
type operations map[string]wire.Handler

// The queries of operations.
const (
	queryIAM      = "x-amz-client-auth-method=iam"
	queryExchange = "x-amz-oauth-token-method=token-exchange"
	queryBearer   = "x-amz-token-request-type=bearer"
)

// signatureParameters are what a presigned URL has beside the query of its operation (SigV4, query form).
var signatureParameters = []string{
	"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token",
}

// serve answers with the operation that the query names.
func (o operations) serve(w http.ResponseWriter, c *wire.Call) {
	h, err := o.find(c.URL.RawQuery)
	if err != nil {
		wire.WriteFault(w, c, err)
		return
	}
	h(w, c)
}

// find returns the operation that a query names: none, or one parameter once, spelled to the letter. Two contradict each
// other even where both are known.
func (o operations) find(query string) (wire.Handler, error) {
	if query == "" && o[""] != nil {
		return o[""], nil
	}
	unknown := signin.Refuse(signin.OperationUnknown, "the query names no operation of this path. The paths that share operations tell them apart by %s, %s or %s, alone and spelled so",
		queryIAM, queryExchange, queryBearer)
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, unknown
	}
	named := ""
	for name, all := range values {
		if slices.Contains(signatureParameters, name) {
			continue
		}
		if named != "" || len(all) != 1 {
			return nil, unknown
		}
		named = name + "=" + all[0]
	}
	if named == "" { // a signature alone, or nothing but separators
		return nil, unknown
	}
	if h := o[named]; h != nil {
		return h, nil
	}
	return nil, unknown
}

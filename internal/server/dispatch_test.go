package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Four operations share one path. A request that could be taken for two of them is none.
func TestTheQueryNamesTheOperation(t *testing.T) {
	const presigned = "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Date=b&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
	var asked string
	answer := func(name string) wire.Handler {
		return func(http.ResponseWriter, *wire.Call) { asked = name }
	}
	o := operations{"": answer("plain"), queryIAM: answer("iam"), queryExchange: answer("exchange"), queryBearer: answer("bearer")}
	for query, want := range map[string]string{
		"":                                       "plain",
		queryIAM:                                 "iam",
		queryExchange:                            "exchange",
		queryBearer:                              "bearer",
		queryIAM + presigned:                     "iam",
		strings.Replace(queryIAM, "=", "%3D", 1): "",
		"x-amz-client-auth-method=%69am":         "iam",
		"x-amz-client-auth-method=IAM":           "",
		"X-Amz-Client-Auth-Method=iam":           "",
		"x-amz-client-auth-method":               "",
		"x-amz-client-auth-method=":              "",
		queryIAM + "&" + queryIAM:                "",
		queryIAM + "&" + queryBearer:             "",
		queryIAM + "&x=y":                        "",
		"x=y":                                    "",
		"&":                                      "",
		strings.TrimPrefix(presigned, "&"):       "",
		"x-amz-client-auth-method=iam;x=y":       "",
	} {
		asked = ""
		h, err := o.find(query)
		if err == nil {
			h(nil, nil)
		} else if signin.KindOf(err) != signin.OperationUnknown {
			t.Errorf("find(%q) = %v, want OperationUnknown", query, err)
		}
		if asked != want {
			t.Errorf("find(%q) found %q, want %q", query, asked, want)
		}
	}
	if _, err := (operations{queryIAM: answer("iam")}).find(""); signin.KindOf(err) != signin.OperationUnknown {
		t.Errorf("find(\"\") of a path whose operations all have a query = %v, want OperationUnknown", err)
	}
}

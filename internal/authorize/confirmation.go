package authorize

import (
	"encoding/base64"
	"net/http"
	"net/url"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// confirmationView is what the confirmation page shows.
type confirmationView struct {
	Code    string // what is copied
	Person  string
	Role    string
	Account string
	Life    string // how long the code can still be used
}

// confirmation answers GET /v1/sessions/confirmation, where the cross-device client is sent: with the code to copy, or
// with what went wrong.
//
// Anybody can make a link to this page, so it shows only codes of this server, and of what an error says only the kind,
// in words of its own.
func (p *Pages) confirmation(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation = "Confirmation"
	code, state, failed, err := confirmed(c.URL.RawQuery)
	if err == nil && failed != "" {
		err = told(failed)
	}
	var auth signin.Authorization
	if err == nil {
		auth, err = p.openCode(c, code)
	}
	if err != nil {
		p.refuse(w, c, err, nil)
		return
	}
	c.Record.Client, c.Record.Principal, c.Record.Session = auth.ClientID, auth.Principal.ARN(), auth.ID.String()
	c.Record.Outcome = "ok"
	p.show(w, c, view{
		template: "confirmation", Title: "Copy your code", status: http.StatusOK, forms: noForms, Script: p.assets.copyScript,
		Body: confirmationView{
			Code: verificationCode(state, code), Life: span(auth.Expires.Sub(c.Now)),
			Person: auth.Principal.Person, Role: auth.Principal.Role, Account: auth.Principal.Account,
		},
	})
}

// confirmed reads the query of the page: a code and a state, or an error.
func confirmed(query string) (code, state, failed string, err error) {
	malformed := signin.Refuse(signin.ParameterInvalid, "This link is not whole. Run aws login --remote again, and open the link that it prints.")
	values, parseErr := url.ParseQuery(query)
	if parseErr != nil || len(query) > maxQuery {
		return "", "", "", malformed
	}
	for _, v := range values {
		if len(v) > 1 {
			return "", "", "", malformed
		}
	}
	code, state, failed = values.Get("code"), values.Get("state"), values.Get("error")
	if !printable(state, maxState) || (code == "") == (failed == "") {
		return "", "", "", malformed
	}
	return code, state, failed, nil
}

// told turns an error code of this server's redirect back into a fault.
func told(code string) error {
	if code == accessDenied {
		return signin.Refuse(signin.ConsentRefused, "No code was made. You can close this page; in your terminal, stop aws login with Ctrl+C.")
	}
	return signin.Refuse(signin.ParameterInvalid, "The program on the other device asked for something that this server does not do. Check its version, and run aws login --remote again.")
}

// openCode returns what code says, if it is one that the cross-device client can still redeem.
func (p *Pages) openCode(c *wire.Call, code string) (signin.Authorization, error) {
	auth, err := seal.OpenCode(p.Keys, code)
	switch {
	case err != nil || auth.ClientID != signin.CrossDevice:
		return auth, signin.RefuseBecause(err, signin.CodeUnknown, "This link holds no code of this server. Run aws login --remote again, and open the link that it prints.")
	case !c.Now.Before(auth.Expires):
		return auth, signin.Refuse(signin.CodeExpired, "The code on this page could be used for %s, and that is over. Run aws login --remote again.", span(p.Lifetimes.CodeCrossDevice))
	}
	return auth, nil
}

// verificationCode is what the client asks its user to paste: standard base64 with padding of state and code as a query
// (wire: "Cross-device verification code"). Some clients decode it strictly.
func verificationCode(state, code string) string {
	return base64.StdEncoding.EncodeToString([]byte("state=" + escape(state) + "&code=" + escape(code)))
}

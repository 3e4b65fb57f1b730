package identity

import (
	"net/http"
)

// roleCookie holds the role that was chosen last. It is not sealed: all it does is to preselect one of the roles that
// are open to the person anyway.
const roleCookie = "latchkey-role"

// RememberRole makes LastRole return role for this browser from now on. role is <account>/<role>.
func (b *Browsers) RememberRole(w http.ResponseWriter, r *http.Request, role string) {
	b.set(w, r, roleCookie, role, deviceLifetime)
}

// LastRole returns what the browser says was chosen last, or the empty string. The caller must not trust it.
func (b *Browsers) LastRole(r *http.Request) string {
	cookie, err := r.Cookie(b.name(r, roleCookie))
	if err != nil {
		return ""
	}
	return cookie.Value
}

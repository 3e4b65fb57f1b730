package attacks

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

var hiddenPage = regexp.MustCompile(`name="page" value="([^"]+)"`)

// pageField returns what the hidden field of a page says.
func pageField(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	m := hiddenPage.FindStringSubmatch(w.Body.String())
	if m == nil {
		t.Fatalf("the page has no hidden field:\n%s", w.Body)
	}
	return m[1]
}

// sealed are the envelopes of one server, by kind, as they are spelled on the wire.
func sealed(t testing.TB, s *testkit.Server) map[string]string {
	t.Helper()
	c, b := s.Client(), s.Browser()
	page := b.Get(authorizePath(c))
	if w := b.Submit(page, "/sign-in", "username", testkit.Person, "password", testkit.Password); w.Code != http.StatusSeeOther {
		t.Fatalf("POST /sign-in = %d\n%s", w.Code, w.Body)
	}
	code := b.Approve(t, c)
	a := c.Redeem(t, b.Approve(t, c))
	return map[string]string{
		"code": code, "refresh token": a.RefreshToken, "session token": a.AccessToken.SessionToken,
		"page": pageField(t, page), "cookie": b.Cookies()["latchkey"], "device cookie": b.Cookies()["latchkey-device"],
	}
}

// bare is an envelope without its spelling.
func bare(t testing.TB, text string) []byte {
	t.Helper()
	for _, enc := range []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding} {
		if b, err := enc.DecodeString(strings.TrimPrefix(text, "ASOR")); err == nil {
			return b
		}
	}
	t.Fatalf("%q is not base64", text)
	return nil
}

// signedBy asks who the caller is with temporary credentials.
func signedBy(s *testkit.Server, keys testkit.Credentials) *httptest.ResponseRecorder {
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	r := httptest.NewRequest(http.MethodPost, s.Base+"/", strings.NewReader(form))
	r.Header.Set("Content-Type", formType)
	keys.Sign(r, []byte(form), s.Scope("sts"))
	return s.Do(r)
}

// Class: key and token confusion, CWE-345 and CWE-843. The server makes many tokens; Mallory brings one where another
// belongs, or one that another installation made. Argo CD took tokens that were made for other audiences (CVE-2023-22482),
// Camel's adapter tokens of other realms (CVE-2026-23552).
//
// Here an envelope opens only as what it was sealed as, at the installation and under the name that sealed it, in whatever
// spelling it comes.
func TestTokensAreNotMistakenForEachOther(t *testing.T) {
	s := testkit.StartWithPages(t, unlimited)
	c := s.Client()
	envelopes := sealed(t, s)
	for name, text := range sealed(t, testkit.StartWithPages(t)) { // another installation of the same name
		envelopes[name+" of another installation"] = text
	}
	renamed := testkit.StartWithPages(t, func(cfg *serverConfig) { cfg.BaseURLs = []string{"http://127.0.0.1:8081"} })
	for name, text := range sealed(t, renamed) {
		envelopes[name+" of another issuer"] = text
	}
	key := testkit.Credentials{AccessKeyID: "ASIAAAAAAAAAAAAAAAAA", SecretAccessKey: strings.Repeat("a", 40)}
	for name, text := range envelopes {
		b := bare(t, text)
		urlText, stdText := base64.RawURLEncoding.EncodeToString(b), base64.StdEncoding.EncodeToString(b)
		if name != "code" {
			a := c.Redeem(t, urlText)
			if want := signin.CodeUnknown; len(urlText) <= 512 && a.Status != status(want) || a.Status == http.StatusOK {
				t.Errorf("%s as a code = %d %s, want %v", name, a.Status, a.Body, want)
			}
		}
		if name != "refresh token" {
			for _, spelled := range []string{"ASOR" + urlText, urlText, "ASOR" + stdText} {
				if a := c.Refresh(t, spelled); a.Status != status(signin.RefreshUnknown) {
					t.Errorf("%s as a refresh token = %d %s, want %v", name, a.Status, a.Body, signin.RefreshUnknown)
				}
			}
		}
		if name != "page" {
			w := s.Do(form(s, "/consent", "page", urlText, "decision", "deny"))
			if w.Code != status(signin.PageExpired) || location(t, w) != nil {
				t.Errorf("%s as the page of a form = %d to %v, want %v", name, w.Code, location(t, w), signin.PageExpired)
			}
		}
		for _, cookie := range []string{"latchkey", "__Host-latchkey"} {
			if name == "cookie" && cookie == "latchkey" {
				continue
			}
			r := httptest.NewRequest(http.MethodGet, s.Base+"/", nil)
			r.AddCookie(&http.Cookie{Name: cookie, Value: urlText})
			if w := s.Do(r); strings.Contains(w.Body.String(), testkit.Person) {
				t.Errorf("%s as the cookie %s signs in", name, cookie)
			}
		}
		key.SessionToken = stdText
		if w := signedBy(s, key); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "InvalidClientTokenId") {
			t.Errorf("%s as a session token = %d %s, want 403 InvalidClientTokenId", name, w.Code, w.Body)
		}
	}
	// The id of the key in front is not sealed, but leads to that key or to none.
	b := bare(t, envelopes["refresh token"])
	for _, id := range []uint32{0, 1, 2, 0xffffffff, binary.BigEndian.Uint32(b) + 1} {
		altered := append([]byte(nil), b...)
		if binary.BigEndian.PutUint32(altered, id); string(altered) == string(b) {
			continue
		}
		if a := c.Refresh(t, "ASOR"+base64.RawURLEncoding.EncodeToString(altered)); a.Status != status(signin.RefreshUnknown) {
			t.Errorf("a refresh token of key %d = %d, want %v", id, a.Status, signin.RefreshUnknown)
		}
	}
	// An id token is for reading: no endpoint takes it.
	id := mustRedeem(t, c, s.Browser().Approve(t, c)).IDToken
	c.Refresh(t, id).WantFault(t, signin.RefreshUnknown)
	c.Post(t, c.CodeBody("x"), id).WantFault(t, signin.ProofInvalid)
}

// form is a form that is sent to the server as from one of its pages: a name and a value for each field.
func form(s *testkit.Server, path string, fields ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, s.Base+path, strings.NewReader(encode(fields...)))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// Class: cross-account and cross-tenant access, CWE-639. Mallory has an account of her own and names another in what she
// sends, or carries what she was given there to it. Entra took a token of one tenant for any (CVE-2025-55241).
//
// Here account and role are sealed into what a person approved, the form names only roles that are assigned to them, and
// who signs is asked for by the account that the signature leads to.
func TestAccountsOfOthersAreOutOfReach(t *testing.T) {
	s := testkit.StartWithPages(t)
	ctx, now := t.Context(), time.Now()
	const other = "444455556666"
	role := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: other, Name: "Admin", Policy: policy.LocalDevelopment, Created: now}
	twin := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: other, Name: testkit.RoleName, Policy: policy.LocalDevelopment, Created: now}
	bob := store.Person{ID: signin.NewUniqueID(signin.PrefixPerson), Name: "bob", PasswordHash: s.Person.PasswordHash, Created: now, PasswordChanged: now.Add(-time.Second)}
	for _, err := range []error{
		s.Store.AddAccount(ctx, store.Account{ID: other, Name: "Other", Created: now}),
		s.Store.AddRole(ctx, role), s.Store.AddRole(ctx, twin), s.Store.AddPerson(ctx, bob), s.Store.Assign(ctx, bob.ID, role.ID),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	mallory, c := signIn(t, s), s.Client() // the test's person, who has one role in one account
	page := mallory.Get(authorizePath(c))
	for _, asked := range []string{
		other + "/Admin", other + "/" + testkit.RoleName, testkit.Account + "/Admin", "/Admin", other + "/", "*/*", "*", role.ID, twin.ID,
		testkit.Account + "/" + testkit.RoleName + "/../../" + other + "/Admin", testkit.Account + "/" + testkit.RoleName + "," + other + "/Admin",
		testkit.Account + "/" + strings.ToLower(testkit.RoleName), " " + testkit.Account + "/" + testkit.RoleName,
		"0" + testkit.Account + "/" + testkit.RoleName, testkit.Account + "/" + testkit.RoleName + "\x00",
	} {
		if w := mallory.Submit(page, "/consent", "decision", "allow", "assignment", asked); w.Code != status(signin.PermissionMissing) || location(t, w) != nil {
			t.Errorf("assignment %q = %d to %v, want %d and no redirect", asked, w.Code, location(t, w), status(signin.PermissionMissing))
		}
	}
	a := mustRedeem(t, c, mallory.Approve(t, c))
	claims := claimsOf(t, a.IDToken)
	if sub, _ := claims["sub"].(string); !strings.Contains(sub, testkit.Account) || !strings.Contains(sub, testkit.RoleName) {
		t.Errorf("sub = %v, want the role %s in %s", claims["sub"], testkit.RoleName, testkit.Account)
	}
	// Another person's page is not approved by whoever is signed in here.
	bobs := s.Browser()
	login := bobs.Get(authorizePath(c))
	if w := bobs.Submit(login, "/sign-in", "username", "bob", "password", testkit.Password); w.Code != http.StatusSeeOther {
		t.Fatalf("Bob's sign-in = %d", w.Code)
	}
	w := mallory.Submit(bobs.Get(authorizePath(c)), "/consent", "decision", "allow", "assignment", other+"/Admin")
	if to := location(t, w); to == nil || to.Path != "/v1/authorize" || to.Query().Has("code") {
		t.Errorf("Bob's page, sent by Mallory = %d to %v, want the page again", w.Code, to)
	}
	// Access key id, secret and session token of two sessions do not go together.
	mine := testkit.Credentials{AccessKeyID: a.AccessToken.AccessKeyID, SecretAccessKey: a.AccessToken.SecretAccessKey, SessionToken: a.AccessToken.SessionToken}
	b := mustRedeem(t, c, approveAs(t, bobs, c, other+"/Admin"))
	his := testkit.Credentials{AccessKeyID: b.AccessToken.AccessKeyID, SecretAccessKey: b.AccessToken.SecretAccessKey, SessionToken: b.AccessToken.SessionToken}
	if w := signedBy(s, his); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<Account>"+other+"</Account>") {
		t.Fatalf("Bob's credentials = %d %s, want his account", w.Code, w.Body)
	}
	for _, keys := range []testkit.Credentials{
		{AccessKeyID: his.AccessKeyID, SecretAccessKey: mine.SecretAccessKey, SessionToken: mine.SessionToken},
		{AccessKeyID: mine.AccessKeyID, SecretAccessKey: mine.SecretAccessKey, SessionToken: his.SessionToken},
		{AccessKeyID: his.AccessKeyID, SecretAccessKey: mine.SecretAccessKey, SessionToken: his.SessionToken},
		{AccessKeyID: mine.AccessKeyID, SecretAccessKey: mine.SecretAccessKey},
	} {
		if w := signedBy(s, keys); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "<Account>") {
			t.Errorf("credentials of two sessions together = %d %s, want 403", w.Code, w.Body)
		}
	}
	if w := signedBy(s, mine); w.Code != http.StatusOK || strings.Contains(w.Body.String(), other) {
		t.Errorf("Mallory's own credentials = %d %s, want her account", w.Code, w.Body)
	}
}

// approveAs is Approve with a role that is chosen, for a browser that is signed in.
func approveAs(t testing.TB, b *testkit.Browser, c *testkit.Client, assignment string) string {
	t.Helper()
	w := b.Submit(b.Get(authorizePath(c)), "/consent", "decision", "allow", "assignment", assignment)
	to := location(t, w)
	if to == nil || !to.Query().Has("code") {
		t.Fatalf("POST /consent = %d to %v\n%s", w.Code, to, w.Body)
	}
	return to.Query().Get("code")
}

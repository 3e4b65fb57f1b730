package clients

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

const documentID = "https://client.example/oauth/metadata.json"

func TestOnlyPlainURLsAreIDsOfDocuments(t *testing.T) {
	for id, want := range map[string]bool{
		documentID:                                   true,
		"https://claude.ai/oauth/client":             true,
		"https://a-b.c.example/x/":                   true,
		"https://client.example/~me/a,b;c=d@e:f(1)!": true,
		"https://client.example/" + strings.Repeat("a", signin.MaxDynamicClientID-23): true,

		"https://client.example/" + strings.Repeat("a", signin.MaxDynamicClientID-22): false,
		"":                                      false,
		"https://client.example":                false, // section 3: a path
		"https://client.example/":               false,
		"http://client.example/x":               false,
		"HTTPS://client.example/x":              false,
		"https://Client.example/x":              false,
		"https://client.example:443/x":          false,
		"https://client.example:8443/x":         false,
		"https://client.example:/x":             false,
		"https://client.example./x":             false,
		"https://user@client.example/x":         false,
		"https://@client.example/x":             false,
		"https://client.example/x?y":            false,
		"https://client.example/x?":             false,
		"https://client.example/x#y":            false,
		"https://client.example/x#":             false,
		"https://client.example/./x":            false,
		"https://client.example/../x":           false,
		"https://client.example/x/..":           false,
		"https://client.example/%2e%2e/x":       false,
		"https://client.example/%78":            false,
		"https://client.example//x":             false,
		`https://client.example\x`:              false,
		"https://client.example/x y":            false,
		"https://client.example/x\n":            false,
		"https://client.example/ü":              false,
		"https://clïent.example/x":              false,
		"https://cl%69ent.example/x":            false,
		"https://127.0.0.1/x":                   false,
		"https://[::1]/x":                       false,
		"https://2130706433/x":                  false,
		"https://localhost/x":                   false,
		"https://intranet/x":                    false,
		"https://-a.example/x":                  false,
		"https://a..example/x":                  false,
		"https:///x":                            false,
		"https:client.example/x":                false,
		"arn:aws:signin:::devtools/same-device": false,
	} {
		if err := checkDocumentID(id); (err == nil) != want {
			t.Errorf("checkDocumentID(%q) = %v, want good %v", id, err, want)
		}
	}
}

func doc(members string) []byte {
	return []byte(`{"client_id":"` + documentID + `","redirect_uris":["https://claude.ai/cb"]` + members + `}`)
}

func TestDocumentIsRead(t *testing.T) {
	m, err := parseDocument(documentID, doc(`,"client_name":"Tool\u202e \"x\"","grant_types":["refresh_token","authorization_code"],
		"response_types":["code"],"token_endpoint_auth_method":"none","jwks":{"keys":[]},"scope":"a","client_uri":"https://x.example","contacts":null`))
	if err != nil || m.Name != "Tool x" || len(m.RedirectURIs) != 1 || len(m.GrantTypes) != 2 || m.ClientID != documentID {
		t.Errorf("parseDocument = %+v, %v", m, err)
	}
	m, err = parseDocument(documentID, doc(""))
	if err != nil || strings.Join(m.GrantTypes, " ") != "authorization_code refresh_token" {
		t.Errorf("parseDocument(only what is needed) = %+v, %v", m, err)
	}
}

// Attack: serve a document at one's own URL that says that it is another client's; or one that a parser of another kind
// would read otherwise.
func TestDocumentsThatAreRefused(t *testing.T) {
	eleven := strings.TrimSuffix(strings.Repeat(`"https://claude.ai/cb",`, 11), ",")
	for name, body := range map[string]string{
		"nothing":                  ``,
		"a list":                   `[]`,
		"a string":                 `"x"`,
		"null":                     `null`,
		"no client_id":             `{"redirect_uris":["https://claude.ai/cb"]}`,
		"another's client_id":      `{"client_id":"https://other.example/x","redirect_uris":["https://claude.ai/cb"]}`,
		"a client_id with a path":  `{"client_id":"` + documentID + `/","redirect_uris":["https://claude.ai/cb"]}`,
		"another case":             `{"client_id":"` + strings.ToUpper(documentID) + `","redirect_uris":["https://claude.ai/cb"]}`,
		"a member in another case": `{"Client_ID":"` + documentID + `","redirect_uris":["https://claude.ai/cb"]}`,
		"two client ids":           string(doc(`,"client_id":"` + documentID + `"`)),
		"something behind it":      string(doc("")) + "{}",
		"cut off":                  string(doc(""))[:40],
		"no redirect_uris":         `{"client_id":"` + documentID + `"}`,
		"empty redirect_uris":      `{"client_id":"` + documentID + `","redirect_uris":[]}`,
		"eleven redirect_uris":     `{"client_id":"` + documentID + `","redirect_uris":[` + eleven + `]}`,
		"redirect_uris as text":    `{"client_id":"` + documentID + `","redirect_uris":"https://claude.ai/cb"}`,
		"numbers":                  `{"client_id":"` + documentID + `","redirect_uris":[1]}`,
		"a secret":                 string(doc(`,"client_secret":"x"`)),
		"the end of a secret":      string(doc(`,"client_secret_expires_at":0`)),
		"a secret's method":        string(doc(`,"token_endpoint_auth_method":"client_secret_basic"`)),
		"a key's method":           string(doc(`,"token_endpoint_auth_method":"private_key_jwt"`)),
		"refresh_token alone":      string(doc(`,"grant_types":["refresh_token"]`)),
		"client_credentials":       string(doc(`,"grant_types":["authorization_code","client_credentials"]`)),
		"the implicit flow":        string(doc(`,"response_types":["code","token"]`)),
		"bytes that are no text":   string(doc(",\"client_name\":\"\xff\"")),
		"a name that is a number":  string(doc(`,"client_name":1`)),
	} {
		m, err := parseDocument(documentID, []byte(body))
		if err == nil {
			t.Errorf("%s: parseDocument(%s) = %+v, want a refusal", name, body, m)
		} else if _, ok := err.(notDocument); !ok || strings.Contains(err.Error(), "other.example") {
			t.Errorf("%s: %v, want a notDocument that repeats nothing", name, err)
		}
	}
}

func TestDocumentIsKeptAsItsAnswerSays(t *testing.T) {
	for control, want := range map[string]time.Duration{
		"": usually, "public": usually, "max-age=600": 10 * time.Minute, "public, Max-Age=600": 10 * time.Minute,
		"max-age=0": shortest, "max-age=299": shortest, "max-age=300": 5 * time.Minute, "max-age=86400": longest, "max-age=86401": longest,
		"max-age=99999999999999999999": usually, "max-age=-1": usually, "max-age": usually, "max-age=x": usually,
		"no-store": shortest, "max-age=600, no-cache": shortest,
	} {
		if got := lifetime(http.Header{"Cache-Control": {control}}); got != want {
			t.Errorf("lifetime(%q) = %v, want %v", control, got, want)
		}
	}
	if got := lifetime(nil); got != usually {
		t.Errorf("lifetime of no header = %v, want %v", got, usually)
	}
}

func FuzzDocument(f *testing.F) {
	f.Add(documentID, doc(`,"client_name":"x","grant_types":["authorization_code"]`))
	f.Add(documentID, doc(`,"client_id":"x"`))
	f.Add("https://a.example/../x", []byte(`{"client_id":"https://a.example/../x","redirect_uris":["x"]}`))
	f.Fuzz(func(t *testing.T, id string, body []byte) {
		if checkDocumentID(id) != nil {
			id = documentID
		}
		m, err := parseDocument(id, body)
		if err != nil {
			return
		}
		if m.ClientID != id || len(m.RedirectURIs) < 1 || len(m.RedirectURIs) > maxDocumentURIs || CleanName(m.Name) != m.Name {
			t.Errorf("parseDocument(%q) = %+v", body, m)
		}
		if _, err := GrantTypes(m.GrantTypes); err != nil {
			t.Errorf("parseDocument(%q) has grant types %q", body, m.GrantTypes)
		}
		if c := m.client(signin.RedirectList{}, time.Time{}); c.Class != signin.Dynamic || fmt.Sprint(c.ID) != id {
			t.Errorf("client = %+v", c)
		}
	})
}

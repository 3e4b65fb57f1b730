package policy

import (
	"strings"
	"testing"
)

const resource = "arn:aws:signin:us-east-1:111122223333:oauth2/public-client/localhost"

func doc(statements string) string { return `{"Version":"2012-10-17","Statement":` + statements + `}` }

func TestAllows(t *testing.T) {
	for _, tt := range []struct {
		name, document, action string
		want                   bool
	}{
		{"built-in allows sign-in", LocalDevelopment, "signin:CreateOAuth2Token", true},
		{"action in another case", LocalDevelopment, "SIGNIN:createoauth2token", true},
		{"nothing said means no", LocalDevelopment, "signin:ExchangeToken", false},
		{"one statement, not a list", doc(`{"Effect":"Allow","Action":"*","Resource":"*"}`), "signin:CreateOAuth2Token", true},
		{"deny wins, whatever the order", doc(`[{"Effect":"Deny","Action":"signin:*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}]`), "signin:CreateOAuth2Token", false},
		{"deny of another resource", doc(`[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"arn:*:oauth2/public-client/remote"}]`), "signin:CreateOAuth2Token", true},
		{"NotAction", doc(`{"Effect":"Allow","NotAction":"signin:Exchange*","Resource":"*"}`), "signin:CreateOAuth2Token", true},
		{"NotAction of this one", doc(`{"Effect":"Allow","NotAction":"signin:Create*","Resource":"*"}`), "signin:CreateOAuth2Token", false},
		{"NotResource", doc(`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::*"}`), "signin:CreateOAuth2Token", true},
		{"question mark is one character", doc(`{"Effect":"Allow","Action":"signin:CreateOAuth?Token","Resource":"*"}`), "signin:CreateOAuth2Token", true},
		{"resource with another case", doc(`{"Effect":"Allow","Action":"*","Resource":"ARN:*"}`), "signin:CreateOAuth2Token", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse(tt.document)
			if err != nil {
				t.Fatalf("Parse(%s): %v", tt.document, err)
			}
			if got := d.Allows(tt.action, resource); got != tt.want {
				t.Errorf("Allows(%q, %q) = %v, want %v", tt.action, resource, got, tt.want)
			}
		})
	}
}

// A condition that is not understood must not let anybody in, so the document is refused when it is read.
func TestParseRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, document := range map[string]string{
		"condition":         doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`),
		"principal":         doc(`{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}`),
		"lower-case member": doc(`{"effect":"Allow","Action":"*","Resource":"*"}`),
		"duplicate member":  doc(`{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}`),
		"no effect":         doc(`{"Action":"*","Resource":"*"}`),
		"no action":         doc(`{"Effect":"Allow","Resource":"*"}`),
		"both actions":      doc(`{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}`),
		"no resource":       doc(`{"Effect":"Allow","Action":"*"}`),
		"bare action":       doc(`{"Effect":"Allow","Action":"CreateOAuth2Token","Resource":"*"}`),
		"variable":          doc(`{"Effect":"Allow","Action":"*","Resource":"arn:${aws:username}"}`),
		"no version":        `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		"no statement":      `{"Version":"2012-10-17"}`,
		"trailing data":     doc(`{"Effect":"Allow","Action":"*","Resource":"*"}`) + "x",
		"not JSON":          "Version: 2012-10-17",
		"too long":          doc(`{"Effect":"Allow","Action":"*","Resource":"` + strings.Repeat("*", MaxDocument) + `"}`),
	} {
		if d, err := Parse(document); err == nil {
			t.Errorf("%s: Parse = %+v, want an error", name, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(LocalDevelopment)
	f.Add(ExchangeToken)
	f.Fuzz(func(t *testing.T, document string) {
		d, err := Parse(document)
		if err != nil {
			return
		}
		// Adding a deny of everything never allows.
		d.statements = append(d.statements, statement{deny: true, actions: []string{"*"}, resources: []string{"*"}})
		if d.Allows("signin:CreateOAuth2Token", resource) {
			t.Errorf("%q allows in spite of a deny", document)
		}
	})
}

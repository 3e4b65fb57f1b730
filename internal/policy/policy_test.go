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
		"unknown operator":         doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringMatches":{"aws:username":"a"}}}`),
		"operator in another case": doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"stringequals":{"aws:username":"a"}}}`),
		"Null with IfExists":       doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NullIfExists":{"aws:username":"true"}}}`),
		"no values":                doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":[]}}}`),
		"no key":                   doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{}}}`),
		"a condition that is null": doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":null}`),
		"a resource that is null":  doc(`{"Effect":"Allow","Action":"*","NotResource":null}`),
		"a resource that is empty": doc(`{"Effect":"Allow","Action":"*","NotResource":""}`),
		"base64 of no bytes":       doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"BinaryEquals":{"x:y":"AB=="}}}`),
		"a value that is null":     doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"x:y":null}}}`),
		"an object as value":       doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":{}}}}`),
		"a word as number":         doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"x:y":"seven"}}}`),
		"infinity":                 doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericLessThan":{"x:y":"Inf"}}}`),
		"a word as date":           doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"x:y":"soon"}}}`),
		"a word as address":        doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}}`),
		"a word as truth":          doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"x:y":"yes"}}}`),
		"a word as ARN":            doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"alice"}}}`),
		"an open variable":         doc(`{"Effect":"Allow","Action":"*","Resource":"arn:${aws:username"}`),
		"a default unquoted":       doc(`{"Effect":"Allow","Action":"*","Resource":"${aws:username, x}"}`),
		"one Sid twice":            doc(`[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Deny","Action":"*","Resource":"*"}]`),
		"principal":                doc(`{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}`),
		"lower-case member":        doc(`{"effect":"Allow","Action":"*","Resource":"*"}`),
		"duplicate member":         doc(`{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}`),
		"no effect":                doc(`{"Action":"*","Resource":"*"}`),
		"no action":                doc(`{"Effect":"Allow","Resource":"*"}`),
		"both actions":             doc(`{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}`),
		"no resource":              doc(`{"Effect":"Allow","Action":"*"}`),
		"bare action":              doc(`{"Effect":"Allow","Action":"CreateOAuth2Token","Resource":"*"}`),
		"no version":               `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		"no statement":             `{"Version":"2012-10-17"}`,
		"trailing data":            doc(`{"Effect":"Allow","Action":"*","Resource":"*"}`) + "x",
		"not JSON":                 "Version: 2012-10-17",
		"too long":                 doc(`{"Effect":"Allow","Action":"*","Resource":"` + strings.Repeat("*", MaxDocument) + `"}`),
	} {
		if d, err := Parse(document); err == nil {
			t.Errorf("%s: Parse = %+v, want an error", name, d)
		}
	}
}

// A policy of a resource says whom it is about; one that is attached to somebody does not.
func TestParseResourceNeedsAPrincipal(t *testing.T) {
	for document, ok := range map[string]bool{
		doc(`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}`):                                         true,
		doc(`{"Effect":"Deny","Principal":{"AWS":["111122223333"]},"Action":"*","Resource":"*"}`):                    true,
		doc(`{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"*","Resource":"*"}`): true,
		doc(`{"Effect":"Deny","Action":"*","Resource":"*"}`):                                                         false,
		doc(`{"Effect":"Deny","Principal":"alice","Action":"*","Resource":"*"}`):                                     false,
		doc(`{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::*:root"},"Action":"*","Resource":"*"}`):               false,
		doc(`{"Effect":"Deny","Principal":{"Federated":"x"},"Action":"*","Resource":"*"}`):                           false,
		doc(`{"Effect":"Deny","Principal":{},"Action":"*","Resource":"*"}`):                                          false,
	} {
		if _, err := ParseResource(document); (err == nil) != ok {
			t.Errorf("ParseResource(%s) = %v, want it read: %v", document, err, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(LocalDevelopment)
	f.Add(ExchangeToken)
	f.Add(doc(`{"Effect":"Allow","Action":"*","Resource":"arn:${aws:username, 'x'}*","Condition":{"ForAllValues:StringLikeIfExists":{"a:b":["${*}","?"]},"Null":{"c:d":true}}}`))
	f.Fuzz(func(t *testing.T, document string) {
		d, err := Parse(document)
		if err != nil {
			return
		}
		q := Query{Action: "signin:CreateOAuth2Token", Resource: resource, Keys: []Key{{"a:b", []string{"1", "x"}}, {"aws:username", []string{"alice"}}}}
		p := Policies{Identity: []Document{d}}
		before := p.Decide(q)
		if steps := p.Explain(q); before.Allowed && len(steps) == 0 {
			t.Errorf("%q allows without a statement", document)
		}
		everything, err := Parse(doc(`{"Effect":"Deny","Action":"*","Resource":"*"}`))
		if err != nil {
			t.Fatal(err)
		}
		if (Policies{Identity: []Document{d, everything}}).Decide(q).Allowed || (Policies{Identity: []Document{d}, Resource: []Document{everything}}).Decide(q).Allowed {
			t.Errorf("%q allows in spite of a deny", document)
		}
	})
}

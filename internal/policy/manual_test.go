package policy

import (
	"os"
	"regexp"
	"testing"
)

// What the manual shows can be used as it stands.
func TestExamplesOfTheManualAreRead(t *testing.T) {
	for file, least := range map[string]int{"../../docs/policies.md": 4, "../../docs/operations.md": 1} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1) {
			example := string(m[1])
			if !regexp.MustCompile(`"Statement"`).MatchString(example) {
				continue
			}
			found++
			must(t, example)
		}
		if found < least {
			t.Errorf("%s has %d examples, want at least %d", file, found, least)
		}
	}
}

// Bounds of an account are as the manual says: they give nothing, and what they do not deny is for the others to say.
func TestBoundOfTheManual(t *testing.T) {
	bound := must(t, doc(`[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"NoStrangers","Effect":"Deny","Action":"signin:*","Resource":"arn:aws:signin:*::external-client/dcr/*"}]`))
	for arn, want := range map[string]bool{resource: true, "arn:aws:signin:us-east-1::external-client/dcr/x": false} {
		p := Policies{Identity: []Document{must(t, doc(`{"Effect":"Allow","Action":"signin:CreateOAuth2Token","Resource":"*"}`))}, Guardrails: []Document{bound}}
		if got := p.Decide(Query{Action: "signin:CreateOAuth2Token", Resource: arn}).Allowed; got != want {
			t.Errorf("%s is allowed: %v, want %v", arn, got, want)
		}
	}
}

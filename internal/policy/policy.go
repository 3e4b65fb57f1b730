// Package policy reads IAM policy documents and decides whether one allows an action on a resource: text in, yes or no
// out.
//
// It knows Version, Statement, Sid, Effect, Action, NotAction, Resource and NotResource with the wildcards * and ?. A
// document with anything else, a Condition above all, is refused when it is read, because a condition that is not
// understood must not let anybody in.
package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxDocument is the longest document in bytes (IAM's limit for a managed policy, in characters).
const MaxDocument = 6144

// Document is a policy that was read.
type Document struct{ statements []statement }

type statement struct {
	deny        bool
	actions     []string // lower case, because IAM compares actions without case
	notAction   bool
	resources   []string
	notResource bool
}

// LocalDevelopment is a document like the AWS managed policy SignInLocalDevelopmentAccess: it lets a role sign in from
// the CLI and SDKs, on this device and on another, and through confidential clients.
const LocalDevelopment = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],` +
	`"Resource":["arn:aws:signin:*:*:oauth2/public-client/*","arn:aws:signin:*:*:oauth2/confidential-client/*"]}]}`

// ExchangeToken is a document that lets a service user be the principal of a confidential client.
const ExchangeToken = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Action":"signin:ExchangeToken","Resource":"arn:aws:signin:*:*:oauth2/confidential-client/*"}]}`

// oneOrMore is a value, or a list of values.
type oneOrMore[T any] []T

func (v *oneOrMore[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '[' {
		return json.UnmarshalDecode(dec, (*[]T)(v))
	}
	*v = make([]T, 1)
	return json.UnmarshalDecode(dec, &(*v)[0])
}

type documentJSON struct {
	Version   string
	Id        string
	Statement oneOrMore[statementJSON]
}

type statementJSON struct {
	Sid         string
	Effect      string
	Action      oneOrMore[string]
	NotAction   oneOrMore[string]
	Resource    oneOrMore[string]
	NotResource oneOrMore[string]
}

// Parse reads a policy document. Its errors name the statement and what is wrong with it.
func Parse(document string) (Document, error) {
	if len(document) > MaxDocument {
		return Document{}, fmt.Errorf("policy is longer than %d bytes", MaxDocument)
	}
	var raw documentJSON
	if err := json.Unmarshal([]byte(document), &raw, json.RejectUnknownMembers(true)); err != nil {
		return Document{}, fmt.Errorf("policy is not a document that can be used here: %w", err)
	}
	if raw.Version != "2012-10-17" && raw.Version != "2008-10-17" {
		return Document{}, errors.New(`policy needs "Version": "2012-10-17"`)
	}
	if len(raw.Statement) == 0 {
		return Document{}, errors.New("policy has no Statement")
	}
	var d Document
	for i, r := range raw.Statement {
		st, err := readStatement(r)
		if err != nil {
			return Document{}, fmt.Errorf("policy statement %d: %w", i+1, err)
		}
		d.statements = append(d.statements, st)
	}
	return d, nil
}

func readStatement(r statementJSON) (statement, error) {
	var st statement
	switch r.Effect {
	case "Allow":
	case "Deny":
		st.deny = true
	default:
		return st, errors.New("member Effect must be Allow or Deny")
	}
	if (len(r.Action) == 0) == (len(r.NotAction) == 0) {
		return st, errors.New("exactly one of Action and NotAction is needed")
	}
	if (len(r.Resource) == 0) == (len(r.NotResource) == 0) {
		return st, errors.New("exactly one of Resource and NotResource is needed")
	}
	for _, action := range append(r.Action, r.NotAction...) {
		if action != "*" && !strings.Contains(action, ":") {
			return st, errors.New("an action must be * or of the form service:Action")
		}
		st.actions = append(st.actions, strings.ToLower(action))
	}
	for _, resource := range append(r.Resource, r.NotResource...) {
		if strings.Contains(resource, "${") {
			return st, errors.New("policy variables are not supported")
		}
		st.resources = append(st.resources, resource)
	}
	st.notAction, st.notResource = len(r.NotAction) > 0, len(r.NotResource) > 0
	return st, nil
}

// Allows tells whether some statement allows action on resource and none denies it (IAM evaluation logic: an explicit
// deny wins, and nothing said means no).
func (d Document) Allows(action, resource string) bool {
	action = strings.ToLower(action)
	allowed := false
	for _, st := range d.statements {
		if matchAny(st.actions, action) == st.notAction || matchAny(st.resources, resource) == st.notResource {
			continue
		}
		if st.deny {
			return false
		}
		allowed = true
	}
	return allowed
}

func matchAny(patterns []string, s string) bool {
	for _, p := range patterns {
		if match(p, s) {
			return true
		}
	}
	return false
}

// match tells whether s is what pattern says, where * is any characters and ? is one. It takes time in proportion to
// the product of the lengths at worst, because it goes back to the last * only.
func match(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

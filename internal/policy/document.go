package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// oneOrMore is a value, or a list of values.
type oneOrMore[T interface{ ~string | statementJSON }] []T

func (v *oneOrMore[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '[' {
		return json.UnmarshalDecode(dec, (*[]T)(v))
	}
	*v = make([]T, 1)
	return json.UnmarshalDecode(dec, &(*v)[0])
}

// scalar is a string, a number or a truth value, which IAM takes for each other in conditions.
type scalar string

func (s *scalar) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case '"', '0', 't', 'f':
		*s = scalar(token.String())
		return nil
	}
	return errors.New("the value of a condition must be a string, a number, true or false")
}

// principalJSON is "*", or an object of lists.
type principalJSON map[string]oneOrMore[string]

func (p *principalJSON) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '"' {
		return json.UnmarshalDecode(dec, (*map[string]oneOrMore[string])(p))
	}
	token, err := dec.ReadToken()
	if err != nil || token.String() != "*" {
		return errors.New(`member Principal must be "*" or an object`)
	}
	*p = principalJSON{"AWS": {"*"}}
	return nil
}

type documentJSON struct {
	Version   string
	Id        string
	Statement oneOrMore[statementJSON]
}

type statementJSON struct {
	Sid          string
	Effect       string
	Principal    principalJSON
	NotPrincipal principalJSON
	Action       oneOrMore[string]
	NotAction    oneOrMore[string]
	Resource     oneOrMore[string]
	NotResource  oneOrMore[string]
	Condition    map[string]map[string]oneOrMore[scalar]
}

// Parse reads a policy that is attached to somebody: it has no Principal. Its errors name the statement and what is wrong
// with it.
func Parse(document string) (Document, error) { return parse(document, false) }

// ParseResource reads a policy that belongs to a resource: each statement has a Principal or a NotPrincipal.
func ParseResource(document string) (Document, error) { return parse(document, true) }

func parse(document string, ofResource bool) (Document, error) {
	if len(document) > MaxDocument {
		return Document{}, fmt.Errorf("policy is longer than %d bytes", MaxDocument)
	}
	var raw documentJSON
	if err := json.Unmarshal([]byte(document), &raw, json.RejectUnknownMembers(true)); err != nil {
		return Document{}, fmt.Errorf("policy is not a document that can be used here: %w", err)
	}
	if hasNull(document) {
		return Document{}, errors.New("policy has a null, which no member may be")
	}
	if raw.Version != "2012-10-17" && raw.Version != "2008-10-17" {
		return Document{}, errors.New(`policy needs "Version": "2012-10-17"`)
	}
	if len(raw.Statement) == 0 {
		return Document{}, errors.New("policy has no Statement")
	}
	var d Document
	seen := map[string]bool{}
	for i := range raw.Statement {
		st, err := raw.Statement[i].compile(ofResource, raw.Version == "2012-10-17")
		if err == nil && st.sid != "" && seen[st.sid] {
			err = errors.New("its Sid is that of another statement")
		}
		if err != nil {
			return Document{}, fmt.Errorf("policy statement %d: %w", i+1, err)
		}
		seen[st.sid] = true
		d.statements = append(d.statements, st)
	}
	return d, nil
}

// hasNull tells whether anything in a well-formed document is null. A member that is null would count as one that is not
// there, so that "Condition": null, a mistake of a program, would lift a condition.
func hasNull(document string) bool {
	for dec := jsontext.NewDecoder(strings.NewReader(document)); ; {
		token, err := dec.ReadToken()
		if err != nil || token.Kind() == 'n' {
			return err == nil
		}
	}
}

func (r *statementJSON) compile(ofResource, variables bool) (statement, error) {
	st := statement{sid: r.Sid}
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
		p, err := compile(action, true, false)
		if err != nil {
			return st, err
		}
		st.actions = append(st.actions, p)
	}
	for _, resource := range append(r.Resource, r.NotResource...) {
		if resource == "" {
			return st, errors.New("a resource must be * or an ARN")
		}
		p, err := compile(resource, true, variables)
		if err != nil {
			return st, err
		}
		st.resources = append(st.resources, p)
	}
	st.notAction, st.notResource = len(r.NotAction) > 0, len(r.NotResource) > 0
	for _, name := range slices.Sorted(maps.Keys(r.Condition)) {
		of := r.Condition[name]
		if len(of) == 0 {
			return st, fmt.Errorf("condition %q has no key", name)
		}
		for _, key := range slices.Sorted(maps.Keys(of)) {
			values := make([]string, 0, len(of[key]))
			for _, v := range of[key] {
				values = append(values, string(v))
			}
			c, err := compileCondition(name, key, values, variables)
			if err != nil {
				return st, err
			}
			st.conditions = append(st.conditions, c)
		}
	}
	return st, st.compilePrincipals(r, ofResource)
}

func (st *statement) compilePrincipals(r *statementJSON, ofResource bool) error {
	if !ofResource {
		if r.Principal != nil || r.NotPrincipal != nil {
			return errors.New("member Principal is for policies of resources; this one is attached to whom it is about")
		}
		return nil
	}
	if (len(r.Principal) == 0) == (len(r.NotPrincipal) == 0) {
		return errors.New("exactly one of Principal and NotPrincipal is needed")
	}
	from := r.Principal
	if st.notPrincipal = len(r.NotPrincipal) > 0; st.notPrincipal {
		from = r.NotPrincipal
	}
	for _, kind := range slices.Sorted(maps.Keys(from)) {
		if kind != "AWS" {
			return errors.New(`a principal must be "*" or of the kind AWS`)
		}
		for _, p := range from[kind] {
			if p != "*" && strings.ContainsAny(p, "*?") {
				return errors.New("a principal is * or one ARN, without wildcards inside")
			}
			st.principals = append(st.principals, p)
		}
	}
	if len(st.principals) == 0 {
		return errors.New("the principal is empty")
	}
	return nil
}

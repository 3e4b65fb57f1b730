// Package policy reads IAM policy documents and decides: documents and a question go in, yes or no comes out, and for
// people why.
//
// The rules are those of the IAM user guide, "Policy evaluation logic": an explicit Deny wins over everything, and what
// nobody allows is not allowed. Of the policies that bear on a question, one of those of the principal must allow; where
// the account has any, one of those too; and where the session has any, one of those too. Policies of resources only deny
// here.
//
// What cannot be decided lets nobody in: a value that is not of the type that an operator compares, or a policy variable
// without a value, is for an Allow as if the statement did not match, and for a Deny as if it did. A document with anything
// that is not known here is refused when it is read.
//
// Documents are compiled when they are read, and deciding allocates nothing. The evaluator is the project's own: those that
// could be had know other languages, or only a part of IAM's.
package policy

import "strings"

// MaxDocument is the longest document in bytes (IAM's limit for a managed policy, in characters).
const MaxDocument = 6144

// Document is a policy that was read. The zero value says nothing. It is safe for concurrent use.
type Document struct{ statements []statement }

type statement struct {
	sid          string
	deny         bool
	actions      []pattern // compared without case, as IAM does
	notAction    bool
	resources    []pattern
	notResource  bool
	principals   []string // of policies of resources
	notPrincipal bool
	conditions   []condition
}

// Key is what a query says of one condition key. Names are compared without case.
type Key struct {
	Name   string // e.g. aws:SourceIp
	Values []string
}

// Query is one question: may this action be done on this resource?
type Query struct {
	Action    string // e.g. signin:CreateOAuth2Token
	Resource  string // an ARN
	Principal string // ARN of who asks, for policies of resources
	Keys      []Key
	// Unknown names keys that a later request will have, of which nothing is known yet: conditions on them count as they let
	// in, so that the answer is whether it could be allowed. Whoever gives something out asks again with that request.
	// The name * is that of every key.
	Unknown []string
}

// values returns the values of the key called name; nil: it is missing.
func (q *Query) values(name string) []string {
	for i := range q.Keys {
		if k := &q.Keys[i]; len(k.Name) == len(name) && (k.Name == name || strings.EqualFold(k.Name, name)) {
			return k.Values
		}
	}
	return nil
}

// unknown tells whether name is one of q.Unknown.
func (q *Query) unknown(name string) bool {
	for _, u := range q.Unknown {
		if u == "*" || strings.EqualFold(u, name) {
			return true
		}
	}
	return false
}

// applies tells whether the statement is about the query.
func (st *statement) applies(q *Query) bool {
	found := yes
	for _, o := range [...]outcome{
		negate(matchAny(st.actions, q.Action, q, true), st.notAction),
		negate(matchAny(st.resources, q.Resource, q, false), st.notResource),
		st.isFor(q.Principal),
	} {
		switch o {
		case no:
			return false
		case undecided:
			found = undecided
		}
	}
	for i := range st.conditions {
		if q.unknown(st.conditions[i].key) {
			if st.deny {
				return false
			}
			continue
		}
		switch st.conditions[i].holds(q) {
		case no:
			return false
		case undecided:
			found = undecided
		}
	}
	return found == yes || st.deny // undecided is as it shuts out
}

func negate(o outcome, not bool) outcome {
	if !not || o == undecided {
		return o
	}
	return decided(o == no)
}

// isFor tells whether principal is one that the statement names. A statement without principals is attached to whom it is for.
func (st *statement) isFor(principal string) outcome {
	if len(st.principals) == 0 {
		return yes
	}
	named := false
	for _, p := range st.principals {
		named = named || p == "*" || p == principal || isAccount(p, principal)
	}
	return decided(named != st.notPrincipal)
}

// isAccount tells whether p, an account id or the ARN of its root, is the account of principal.
func isAccount(p, principal string) bool {
	account := p
	if rest, ok := strings.CutPrefix(p, "arn:aws:iam::"); ok {
		if account, ok = strings.CutSuffix(rest, ":root"); !ok {
			return false
		}
	}
	if len(account) != 12 || strings.TrimLeft(account, "0123456789") != "" {
		return false
	}
	rest := principal
	for range 4 { // arn:partition:service:region:account
		_, after, ok := strings.Cut(rest, ":")
		if !ok {
			return false
		}
		rest = after
	}
	return strings.HasPrefix(rest, account+":")
}

// Allows tells whether the document alone allows action on resource, without any condition key.
func (d Document) Allows(action, resource string) bool {
	return Policies{Identity: []Document{d}}.Decide(Query{Action: action, Resource: resource}).Allowed
}

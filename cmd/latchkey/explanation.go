package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-id/latchkey/internal/policy"
)

// errNotAllowed makes the exit code 1 where everything was said already.
var errNotAllowed = errors.New("it is not allowed")

// The decisions, in the words of IAM's SimulatePrincipalPolicy (EvalDecision).
const (
	decidedAllowed  = "allowed"
	decidedExplicit = "explicitDeny"
	decidedImplicit = "implicitDeny"
)

// explanation is what a simulation prints.
type explanation struct {
	Decision   string              `json:"decision"`
	Reason     string              `json:"reason"`
	Principal  string              `json:"principal,omitempty"`
	Action     string              `json:"action"`
	Resource   string              `json:"resource"`
	Keys       map[string][]string `json:"keys"`
	Statements []statementLine     `json:"statements"`
}

// statementLine is what one statement has to do with it.
type statementLine struct {
	Layer     policy.Layer `json:"layer"`
	Policy    string       `json:"policy"`
	Statement int          `json:"statement"` // from 1
	Sid       string       `json:"sid,omitempty"`
	Effect    string       `json:"effect"`
	Resource  string       `json:"resource"`
	Applies   bool         `json:"applies"`
	Why       string       `json:"why"`
}

// finish adds the documents of the flags, decides, and prints why. It returns errNotAllowed when it is not.
func (cmd policySimulateCmd) finish(o *output, s simulation) error {
	for _, given := range []struct {
		layer policy.Layer
		files []string
	}{
		{policy.IdentityLayer, cmd.PolicyFile}, {policy.GuardrailLayer, cmd.AccountPolicyFile}, {policy.SessionLayer, cmd.SessionPolicyFile},
	} {
		for _, file := range given.files {
			_, d, err := readPolicy(file)
			if err != nil {
				return err
			}
			s.add(given.layer, file, d)
		}
	}
	e := s.explain()
	if cmd.JSON {
		if err := o.json(e); err != nil {
			return err
		}
	} else {
		e.print(o)
	}
	if e.Decision != decidedAllowed {
		return errNotAllowed
	}
	return nil
}

func (s *simulation) explain() explanation {
	e := explanation{
		Principal: s.Query.Principal, Action: s.Query.Action, Resource: s.Query.Resource,
		Keys: map[string][]string{}, Statements: []statementLine{},
	}
	seen := map[string]bool{}
	for _, k := range s.Query.Keys {
		if folded := strings.ToLower(k.Name); !seen[folded] { // the first one counts
			e.Keys[k.Name], seen[folded] = k.Values, true
		}
	}
	e.Statements = s.lines(s.Query, e.Statements, false)
	if s.Undenied != "" {
		q := s.Query
		q.Resource = s.Undenied
		e.Statements = s.lines(q, e.Statements, true)
	}
	e.Decision, e.Reason = s.verdict()
	return e
}

// lines appends what each statement says to q; with denials, only of those that deny.
func (s *simulation) lines(q policy.Query, to []statementLine, denials bool) []statementLine {
	for _, step := range s.Policies.Explain(q) {
		if denials && step.Effect != "Deny" {
			continue
		}
		to = append(to, statementLine{
			Layer: step.Layer, Policy: s.names[step.Layer][step.Document], Statement: step.Statement, Sid: step.Sid, Effect: step.Effect,
			Resource: q.Resource, Applies: step.Applies, Why: step.Why,
		})
	}
	return to
}

// verdict says how the question is decided, and by what.
func (s *simulation) verdict() (decision, reason string) {
	d, on := s.Decide()
	switch {
	case d.Allowed:
		return decidedAllowed, "A statement allows it, and none denies it."
	case d.Denied:
		return decidedExplicit, fmt.Sprintf("Statement %d of %s denies it on %s.", d.Statement+1, s.names[d.Layer][d.Document], on)
	}
	return decidedImplicit, map[policy.Layer]string{
		policy.IdentityLayer:  "No statement of the principal's policies allows it.",
		policy.GuardrailLayer: "No statement of the policies that are attached to the account allows it.",
		policy.SessionLayer:   "No statement of the session's policies allows it.",
	}[d.Layer]
}

// print prints the explanation for people: the decision, then each document with its statements.
func (e explanation) print(o *output) {
	o.line("%s: %s on %s", map[string]string{decidedAllowed: "allowed", decidedExplicit: "denied", decidedImplicit: "not allowed"}[e.Decision], e.Action, e.Resource)
	o.line("%s", e.Reason)
	document := ""
	for _, st := range e.Statements {
		head := fmt.Sprintf("%s: %s", st.Layer, st.Policy)
		if st.Resource != e.Resource {
			head += ", on " + st.Resource
		}
		if head != document {
			o.line("")
			o.line("%s", head)
			document = head
		}
		name := fmt.Sprintf("%d", st.Statement)
		if st.Sid != "" {
			name += " " + st.Sid
		}
		applies := "applies"
		if !st.Applies {
			applies = "does not apply"
		}
		o.line("  %-5s  %s  %s: %s", st.Effect, name, applies, st.Why)
	}
}

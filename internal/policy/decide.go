package policy

// Policies are all that bear on a query.
type Policies struct {
	Identity   []Document // of the principal and its groups; one must allow
	Guardrails []Document // of its account; where there are any, one must allow (as service control policies)
	Session    []Document // of the session; where there are any, one must allow (session policies)
	Resource   []Document // of the resource; they only deny here
}

// Layer is where a document stands among Policies.
type Layer string

// The layers, as people read them.
const (
	IdentityLayer  Layer = "identity"
	GuardrailLayer Layer = "account"
	SessionLayer   Layer = "session"
	ResourceLayer  Layer = "resource"
)

// Decision is what Policies say to a query.
type Decision struct {
	Allowed bool
	// Denied tells whether a statement denies it explicitly. Then Layer, Document and Statement name the first that does.
	Denied    bool
	Layer     Layer // where it is denied, or where nothing allows it; empty when it is allowed
	Document  int   // index among the documents of Layer
	Statement int   // index among the statements of the document
}

// layer is one of the fields of Policies.
type layer struct {
	name      Layer
	documents []Document
	needed    bool // one document must allow
}

func (p *Policies) layers() [4]layer {
	return [4]layer{
		{IdentityLayer, p.Identity, true},
		{GuardrailLayer, p.Guardrails, len(p.Guardrails) > 0},
		{SessionLayer, p.Session, len(p.Session) > 0},
		{ResourceLayer, p.Resource, false},
	}
}

// Decide answers q.
func (p Policies) Decide(q Query) Decision { return p.decide(&q) }

func (p *Policies) decide(q *Query) Decision {
	missing := Layer("")
	for _, l := range p.layers() {
		allowed := !l.needed
		for i := range l.documents {
			for j := range l.documents[i].statements {
				st := &l.documents[i].statements[j]
				if !st.deny && allowed || !st.applies(q) {
					continue
				}
				if st.deny {
					return Decision{Denied: true, Layer: l.name, Document: i, Statement: j}
				}
				allowed = true
			}
		}
		if !allowed && missing == "" {
			missing = l.name // an explicit deny may still follow
		}
	}
	return Decision{Allowed: missing == "", Layer: missing}
}

// Step is what one statement says to a query, for people.
type Step struct {
	Layer     Layer
	Document  int // index among the documents of the layer
	Statement int // from 1
	Sid       string
	Effect    string // Allow or Deny
	Applies   bool
	// Why says what kept it from applying, or that all of it matched.
	Why string
}

// Explain returns what every statement says to q, in the order in which they are asked.
func (p Policies) Explain(q Query) []Step {
	var steps []Step
	for _, l := range p.layers() {
		for i := range l.documents {
			for j := range l.documents[i].statements {
				st := &l.documents[i].statements[j]
				s := Step{Layer: l.name, Document: i, Statement: j + 1, Sid: st.sid, Effect: "Allow", Applies: st.applies(&q), Why: st.why(&q)}
				if st.deny {
					s.Effect = "Deny"
				}
				steps = append(steps, s)
			}
		}
	}
	return steps
}

// why says which part of the statement decides that it applies, or does not.
func (st *statement) why(q *Query) string {
	open, absent := "", ""
	check := func(o outcome, not, isUndecided string) string {
		if o == undecided && open == "" {
			open = isUndecided
		}
		if o == no {
			return not
		}
		return ""
	}
	if s := check(negate(matchAny(st.actions, q.Action, q, true), st.notAction), "it is about other actions", ""); s != "" {
		return s
	}
	if s := check(negate(matchAny(st.resources, q.Resource, q, false), st.notResource), "it is about other resources", "a policy variable in its resource has no value"); s != "" {
		return s
	}
	if s := check(st.isFor(q.Principal), "it is about other principals", ""); s != "" {
		return s
	}
	for i := range st.conditions {
		c := &st.conditions[i]
		if q.unknown(c.key) {
			if st.deny {
				return "condition " + c.name + " of " + c.key + " is about what is not known yet, so it does not deny"
			}
			continue
		}
		not := "condition " + c.name + " of " + c.key + " does not hold"
		if len(q.values(c.key)) == 0 {
			not += ": the request has no such key"
			absent = "; the request has no " + c.key
		}
		if s := check(c.holds(q), not, "condition "+c.name+" of "+c.key+" cannot be decided"); s != "" {
			return s
		}
	}
	if open != "" {
		if st.deny {
			return open + ", so it denies"
		}
		return open + ", so it does not allow"
	}
	return "all of it matches" + absent
}

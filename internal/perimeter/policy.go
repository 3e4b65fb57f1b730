package perimeter

import (
	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/store"
)

// Policy is the resource policy of an account as GetResourcePolicy prints it.
type Policy struct {
	Version   string
	Statement []PolicyStatement
}

// PolicyStatement is one statement of it. They all deny: what they leave is for identity policies to allow.
type PolicyStatement struct {
	Effect    string
	Principal map[string]string
	Action    []string
	Resource  string
	Condition Condition
}

// Condition is operator → condition key → values.
type Condition map[string]map[string][]string

// Text returns the policy as JSON. The same policy gives the same text.
func (p Policy) Text() string {
	b, err := json.Marshal(p, json.Deterministic(true))
	if err != nil {
		panic(err) // every text in it was checked to be UTF-8
	}
	return string(b)
}

// version is of the policy language.
const version = "2012-10-17"

// phases are when a statement is looked at: with which actions, and under which key the policy finds who it is about.
var phases = [...]struct {
	actions   []string
	principal string
}{
	Before: {[]string{"signin:Authenticate"}, "signin:PrincipalArn"},
	After:  {[]string{"signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"}, "aws:PrincipalArn"},
}

// Policy returns s as a policy of account: for each phase a statement that denies whoever comes from elsewhere.
//
// Conditions of one statement must all hold for it to deny, so what is another way in stands beside the others in one
// statement, and what narrows gets a statement of its own. A statement about a VPC has a statement of the policy for each
// thing that must be right: were they all in one, then whoever came from the right address in a wrong VPC would pass.
//
// The operators are negated ones, which match where their key is missing (IAM, condition operators): a request of which no
// proxy says through which VPC it came is denied.
func (s Statement) Policy(account string) Policy {
	p := Policy{Version: version}
	for phase := range phases {
		for _, narrow := range s.narrowing() {
			p.Statement = append(p.Statement, s.deny(Phase(phase), account, narrow))
		}
	}
	return p
}

// PolicyOf returns the policy of a statement that the store kept. Of one that cannot be read it is a policy that denies
// everybody, because nobody knows whom else it was to keep out; with it comes what is wrong.
func PolicyOf(k store.PermissionStatement) (Policy, error) {
	s, err := ParseStatement(k.Statement)
	if err != nil {
		p := Policy{Version: version}
		for phase := range phases {
			p.Statement = append(p.Statement, Statement{}.deny(Phase(phase), k.Account, one{}))
		}
		return p, err
	}
	return s.Policy(k.Account), nil
}

// one is one condition.
type one struct {
	operator, key string
	values        []string
}

const (
	notAddress = "NotIpAddress"
	notText    = "StringNotEquals"
)

// narrowing returns the conditions that each deny by themselves; of a statement without a VPC, one that is none.
func (s Statement) narrowing() []one {
	if !s.inVPC() {
		return []one{{}}
	}
	var all []one
	add := func(operator, key string, values ...string) {
		var there []string
		for _, v := range values {
			if v != "" {
				there = append(there, v)
			}
		}
		if there != nil {
			all = append(all, one{operator, key, there})
		}
	}
	add(notText, "aws:SourceVpc", s.SourceVPC)
	add(notText, "aws:SourceVpce", s.SigninSourceVPCE, s.ConsoleSourceVPCE)
	add(notAddress, "aws:VpcSourceIp", s.VPCSourceIP)
	add(notText, "aws:RequestedRegion", s.RequestedRegion)
	return all
}

func (s Statement) deny(phase Phase, account string, narrow one) PolicyStatement {
	c := Condition{}
	c.add("StringEquals", "aws:ResourceAccount", account)
	if s.ExcludedPrincipal != "" {
		c.add("ArnNotEquals", phases[phase].principal, s.ExcludedPrincipal)
	}
	if s.SourceIP != "" {
		c.add(notAddress, "aws:SourceIp", s.SourceIP)
	}
	if narrow.operator != "" {
		c.add(narrow.operator, narrow.key, narrow.values...)
	}
	return PolicyStatement{
		Effect: "Deny", Principal: map[string]string{"AWS": "*"}, Action: phases[phase].actions, Resource: "*", Condition: c,
	}
}

func (c Condition) add(operator, key string, values ...string) {
	if c[operator] == nil {
		c[operator] = map[string][]string{}
	}
	c[operator][key] = values
}

// Condition returns all conditions of s after authentication, as ListResourcePermissionStatements shows them.
func (s Statement) Condition(account string) Condition {
	all := Condition{}
	for _, narrow := range s.narrowing() {
		for operator, keys := range s.deny(After, account, narrow).Condition {
			for key, values := range keys {
				all.add(operator, key, values...)
			}
		}
	}
	return all
}

package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func must(t testing.TB, document string) Document {
	t.Helper()
	d, err := Parse(document)
	if err != nil {
		t.Fatalf("Parse(%s): %v", document, err)
	}
	return d
}

// keys makes keys of name=value texts; the same name again is another value.
func keys(texts ...string) []Key {
	var all []Key
	for _, text := range texts {
		name, value, _ := strings.Cut(text, "=")
		if i := slices.IndexFunc(all, func(k Key) bool { return k.Name == name }); i >= 0 {
			all[i].Values = append(all[i].Values, value)
			continue
		}
		all = append(all, Key{name, []string{value}})
	}
	return all
}

// The rules of the IAM user guide, "Condition operators", "Set operators" and "Policy variables", each with a request for
// which it holds and one for which it does not.
func TestConditionsHoldAsDocumented(t *testing.T) {
	const user = "aws:username"
	for _, tt := range []struct {
		condition string
		keys      []Key
		want      bool
	}{
		{`{"StringEquals":{"aws:username":"alice"}}`, keys(user + "=alice"), true},
		{`{"StringEquals":{"aws:username":"alice"}}`, keys(user + "=Alice"), false},
		{`{"StringEquals":{"AWS:UserName":"alice"}}`, keys(user + "=alice"), true}, // key names are compared without case
		{`{"StringEquals":{"aws:username":["alice","bob"]}}`, keys(user + "=bob"), true},
		{`{"StringEquals":{"aws:username":"a*"}}`, keys(user + "=alice"), false},
		{`{"StringEquals":{"aws:username":"alice"}}`, nil, false},
		{`{"StringEqualsIfExists":{"aws:username":"alice"}}`, nil, true},
		{`{"StringEqualsIfExists":{"aws:username":"alice"}}`, keys(user + "=bob"), false},
		{`{"StringNotEquals":{"aws:username":["alice","bob"]}}`, keys(user + "=carol"), true},
		{`{"StringNotEquals":{"aws:username":["alice","bob"]}}`, keys(user + "=bob"), false},
		{`{"StringNotEquals":{"aws:username":"alice"}}`, nil, true},
		{`{"StringEqualsIgnoreCase":{"aws:username":"ALICE"}}`, keys(user + "=alice"), true},
		{`{"StringNotEqualsIgnoreCase":{"aws:username":"ALICE"}}`, keys(user + "=alice"), false},
		{`{"StringLike":{"aws:username":"a?i*"}}`, keys(user + "=alice"), true},
		{`{"StringLike":{"aws:username":"a?i"}}`, keys(user + "=alice"), false},
		{`{"StringNotLike":{"aws:username":"a*"}}`, keys(user + "=alice"), false},
		{`{"StringLike":{"aws:username":"a${*}"}}`, keys(user + "=a*"), true},
		{`{"StringLike":{"aws:username":"a${*}"}}`, keys(user + "=alice"), false},
		{`{"StringLike":{"aws:username":"${?}${$}"}}`, keys(user + "=?$"), true},
		// Two operators, and two keys of one operator, must both hold; of two values one is enough.
		{`{"StringEquals":{"aws:username":"alice"},"Bool":{"aws:SecureTransport":"true"}}`, keys(user+"=alice", "aws:SecureTransport=true"), true},
		{`{"StringEquals":{"aws:username":"alice"},"Bool":{"aws:SecureTransport":"true"}}`, keys(user+"=alice", "aws:SecureTransport=false"), false},
		{`{"StringEquals":{"aws:username":"alice","x:team":"red"}}`, keys(user+"=alice", "x:team=blue"), false},
		{`{"Bool":{"aws:SecureTransport":true}}`, keys("aws:SecureTransport=TRUE"), true},
		{`{"Bool":{"aws:SecureTransport":"false"}}`, keys("aws:SecureTransport=true"), false},
		{`{"Bool":{"aws:SecureTransport":"false"}}`, nil, false},
		{`{"Null":{"aws:username":"true"}}`, nil, true},
		{`{"Null":{"aws:username":"true"}}`, keys(user + "="), false},
		{`{"Null":{"aws:username":false}}`, keys(user + "=alice"), true},
		{`{"Null":{"aws:username":"false"}}`, nil, false},
		{`{"NumericLessThan":{"x:n":"10"}}`, keys("x:n=9.5"), true},
		{`{"NumericLessThan":{"x:n":10}}`, keys("x:n=10"), false},
		{`{"NumericLessThanEquals":{"x:n":"10"}}`, keys("x:n=10"), true},
		{`{"NumericGreaterThan":{"x:n":"10"}}`, keys("x:n=11"), true},
		{`{"NumericGreaterThanEquals":{"x:n":"10"}}`, keys("x:n=9"), false},
		{`{"NumericEquals":{"x:n":"10"}}`, keys("x:n=10.0"), true},
		{`{"NumericNotEquals":{"x:n":"10"}}`, keys("x:n=10"), false},
		{`{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}`, keys("aws:CurrentTime=2026-06-01T00:00:00Z"), true},
		{`{"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00+02:00"}}`, keys("aws:CurrentTime=2025-12-31T22:30:00Z"), false},
		{`{"DateLessThanEquals":{"aws:EpochTime":"1767225600"}}`, keys("aws:EpochTime=1767225600"), true},
		{`{"DateGreaterThanEquals":{"aws:EpochTime":1767225600}}`, keys("aws:EpochTime=1767225599"), false},
		{`{"DateEquals":{"x:d":"2026-01-01"}}`, keys("x:d=2026-01-01T00:00:00Z"), true},
		{`{"DateNotEquals":{"x:d":"2026"}}`, keys("x:d=2026-01-01T00:00:00Z"), false},
		{`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, keys("aws:SourceIp=203.0.113.9"), true},
		{`{"IpAddress":{"aws:SourceIp":["203.0.113.7","2001:db8::/32"]}}`, keys("aws:SourceIp=2001:DB8:1::1"), true},
		{`{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}`, keys("aws:SourceIp=203.0.113.8"), false},
		{`{"IpAddress":{"aws:SourceIp":"203.0.113.9/24"}}`, keys("aws:SourceIp=::ffff:203.0.113.1"), true},
		{`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, keys("aws:SourceIp=198.51.100.1"), true},
		{`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, nil, true},
		{`{"BinaryEquals":{"x:b":"AAEC"}}`, keys("x:b=AAEC"), true},
		{`{"BinaryEquals":{"x:b":"AAEC"}}`, keys("x:b=AAED"), false},
		// A wildcard in an ARN reaches no further than its part.
		{`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Dev*"}}`, keys("aws:PrincipalArn=arn:aws:iam::111122223333:role/Developer"), true},
		{`{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/Dev*"}}`, keys("aws:PrincipalArn=arn:aws:iam::111122223333:role/Developer"), true},
		{`{"ArnLike":{"aws:PrincipalArn":"arn:a*:i*:*:1*:role/y"}}`, keys("aws:PrincipalArn=arn:aws:iam::111122223333:role/x"), false},
		{`{"ArnLike":{"aws:PrincipalArn":"arn:aws:*:*:111122223333:role/x"}}`, keys("aws:PrincipalArn=arn:aws:iam::111122223333:role/x"), true},
		{`{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}}`, keys("aws:PrincipalArn=arn:aws:iam::111122223333:role/a/b"), false},
		{`{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}}`, keys("aws:PrincipalArn=arn:aws:iam::444455556666:role/a"), true},
		{`{"ArnLike":{"aws:PrincipalArn":"*"}}`, keys("aws:PrincipalArn=arn:aws:iam::111122223333:role/x"), true},
		// Set operators.
		{`{"ForAnyValue:StringEquals":{"x:tags":["a","b"]}}`, keys("x:tags=c", "x:tags=b"), true},
		{`{"ForAnyValue:StringEquals":{"x:tags":["a","b"]}}`, keys("x:tags=c", "x:tags=d"), false},
		{`{"ForAnyValue:StringEquals":{"x:tags":["a","b"]}}`, nil, false},
		{`{"ForAllValues:StringEquals":{"x:tags":["a","b"]}}`, keys("x:tags=a", "x:tags=b"), true},
		{`{"ForAllValues:StringEquals":{"x:tags":["a","b"]}}`, keys("x:tags=a", "x:tags=c"), false},
		{`{"ForAllValues:StringEquals":{"x:tags":["a","b"]}}`, nil, true}, // as documented; combine it with Null
		{`{"ForAllValues:StringNotEquals":{"x:tags":["a","b"]}}`, keys("x:tags=c", "x:tags=a"), false},
		{`{"ForAnyValue:StringNotEquals":{"x:tags":["a","b"]}}`, keys("x:tags=c", "x:tags=a"), true},
		{`{"ForAnyValue:StringEqualsIfExists":{"x:tags":"a"}}`, nil, true},
		{`{"StringNotEquals":{"x:tags":"a"}}`, keys("x:tags=b", "x:tags=a"), false}, // without a set operator: none may be
		// Variables.
		{`{"StringEquals":{"x:owner":"${aws:username}"}}`, keys(user+"=alice", "x:owner=alice"), true},
		{`{"StringEquals":{"x:owner":"${aws:username}"}}`, keys(user+"=alice", "x:owner=bob"), false},
		{`{"StringLike":{"x:path":"home/${aws:username}/*"}}`, keys(user+"=alice", "x:path=home/alice/a"), true},
		{`{"StringLike":{"x:path":"home/${aws:username}/*"}}`, keys(user+"=*", "x:path=home/alice/a"), false}, // no wildcard comes in by a value
		{`{"StringEquals":{"x:owner":"${aws:username, 'nobody'}"}}`, keys("x:owner=nobody"), true},
		{`{"StringEquals":{"x:owner":"${aws:username,'nobody'}"}}`, keys(user+"=alice", "x:owner=nobody"), false},
		{`{"ArnLike":{"x:arn":"arn:aws:s3:::${aws:username}/*"}}`, keys(user+"=alice", "x:arn=arn:aws:s3:::alice/b"), true},
	} {
		d := must(t, doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+tt.condition+`}`))
		q := Query{Action: "signin:CreateOAuth2Token", Resource: resource, Keys: tt.keys}
		if got := (Policies{Identity: []Document{d}}).Decide(q).Allowed; got != tt.want {
			t.Errorf("%s with %v holds: %v, want %v", tt.condition, tt.keys, got, tt.want)
		}
	}
}

// What cannot be decided must not let anybody in: neither by an Allow that happens to match, nor by a Deny that does not.
func TestWhatCannotBeDecidedShutsOut(t *testing.T) {
	for _, tt := range []struct {
		name, statement string
		keys            []Key
	}{
		{"a number that is none", `"Resource":"*","Condition":{"NumericLessThan":{"x:n":"10"}}`, keys("x:n=nine")},
		{"the same, negated", `"Resource":"*","Condition":{"NumericNotEquals":{"x:n":"10"}}`, keys("x:n=nine")},
		{"a date that is none", `"Resource":"*","Condition":{"DateLessThan":{"x:d":"2026-01-01"}}`, keys("x:d=soon")},
		{"an address that is none", `"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`, keys("aws:SourceIp=here")},
		{"the same, negated", `"Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, keys("aws:SourceIp=here")},
		{"a truth that is none", `"Resource":"*","Condition":{"Bool":{"x:b":"true"}}`, keys("x:b=maybe")},
		{"base64 that is none", `"Resource":"*","Condition":{"BinaryEquals":{"x:b":"AAEC"}}`, keys("x:b=A")},
		{"an address with a zone", `"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"::/0"}}`, keys("aws:SourceIp=fe80::1%eth0")},
		{"an ARN that is none", `"Resource":"*","Condition":{"ArnNotLike":{"x:a":"arn:aws:iam::1:role/x"}}`, keys("x:a=role")},
		{"a variable without a value", `"Resource":"*","Condition":{"StringEquals":{"x:owner":"${aws:username}"}}`, keys("x:owner=alice")},
		{"the same, negated", `"Resource":"*","Condition":{"StringNotEquals":{"x:owner":"${aws:username}"}}`, keys("x:owner=alice")},
		{"a variable in the resource", `"Resource":"arn:aws:signin:us-east-1:111122223333:oauth2/public-client/${aws:username}"`, nil},
		{"a variable in NotResource", `"NotResource":"arn:${aws:username}"`, nil},
		{"a variable with two values", `"Resource":"${x:v}"`, keys("x:v="+resource, "x:v=b")},
	} {
		q := Query{Action: "signin:CreateOAuth2Token", Resource: resource, Keys: tt.keys}
		allow := must(t, doc(`{"Effect":"Allow","Action":"*",`+tt.statement+`}`))
		if (Policies{Identity: []Document{allow}}).Decide(q).Allowed {
			t.Errorf("%s: an Allow lets in", tt.name)
		}
		deny := must(t, doc(`[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*",`+tt.statement+`}]`))
		d := (Policies{Identity: []Document{deny}}).Decide(q)
		if d.Allowed || !d.Denied {
			t.Errorf("%s: a Deny does not shut out", tt.name)
		}
	}
}

// An operator that nobody knows is refused when a document is read. Should one come as far as a decision, by a mistake here, it
// shuts out as well, whether its key is there or not.
func TestAnOperatorThatNobodyKnowsShutsOut(t *testing.T) {
	for _, keys := range [][]Key{nil, keys("x:k=1")} {
		for _, effect := range []string{"Allow", "Deny"} {
			d := must(t, doc(`{"Effect":"`+effect+`","Action":"*","Resource":"*","Condition":{"StringEquals":{"x:k":"1"}}}`))
			d.statements[0].conditions[0].op = operator{}
			got := (Policies{Identity: []Document{d}}).Decide(Query{Action: "a:B", Resource: "*", Keys: keys})
			if got.Allowed || got.Denied != (effect == "Deny") {
				t.Errorf("%s with keys %v: %+v", effect, keys, got)
			}
		}
	}
}

// In a document of the older version, ${ is text.
func TestVariablesBelongToTheNewerVersion(t *testing.T) {
	old := must(t, `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"${aws:username}"}}`)
	q := Query{Action: "a:B", Resource: "${aws:username}"}
	if !(Policies{Identity: []Document{old}}).Decide(q).Allowed {
		t.Error("the text itself does not match")
	}
	q = Query{Action: "a:B", Resource: "alice", Keys: keys("aws:username=alice")}
	if (Policies{Identity: []Document{old}}).Decide(q).Allowed {
		t.Error("the variable has a value in a document of 2008-10-17")
	}
}

// IAM user guide, "Policy evaluation logic".
func TestLayersAreEvaluatedAsDocumented(t *testing.T) {
	allow := must(t, doc(`{"Effect":"Allow","Action":"signin:*","Resource":"*"}`))
	deny := must(t, doc(`{"Effect":"Deny","Action":"signin:Create*","Resource":"*"}`))
	other := must(t, doc(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`))
	wall, err := ParseResource(doc(`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	ds := func(d ...Document) []Document { return d }
	for _, tt := range []struct {
		name string
		p    Policies
		want Decision
	}{
		{"nothing said", Policies{}, Decision{Layer: IdentityLayer}},
		{"an identity policy allows", Policies{Identity: ds(allow)}, Decision{Allowed: true}},
		{"one of two allows", Policies{Identity: ds(other, allow)}, Decision{Allowed: true}},
		{"explicit deny wins", Policies{Identity: ds(allow, deny)}, Decision{Denied: true, Layer: IdentityLayer, Document: 1}},
		{"also first", Policies{Identity: ds(deny, allow)}, Decision{Denied: true, Layer: IdentityLayer}},
		{"a guardrail must allow too", Policies{Identity: ds(allow), Guardrails: ds(other)}, Decision{Layer: GuardrailLayer}},
		{"a guardrail gives nothing", Policies{Identity: ds(other), Guardrails: ds(allow)}, Decision{Layer: IdentityLayer}},
		{"both allow", Policies{Identity: ds(allow), Guardrails: ds(other, allow)}, Decision{Allowed: true}},
		{"a session policy must allow too", Policies{Identity: ds(allow), Session: ds(other)}, Decision{Layer: SessionLayer}},
		{"a session policy gives nothing", Policies{Session: ds(allow)}, Decision{Layer: IdentityLayer}},
		{"all three allow", Policies{Identity: ds(allow), Guardrails: ds(allow), Session: ds(allow)}, Decision{Allowed: true}},
		{"a session policy denies", Policies{Identity: ds(allow), Session: ds(allow, deny)}, Decision{Denied: true, Layer: SessionLayer, Document: 1}},
		{"a resource policy denies", Policies{Identity: ds(allow), Resource: ds(wall)}, Decision{Denied: true, Layer: ResourceLayer}},
		{"a deny is told before what is missing", Policies{Identity: ds(other), Guardrails: ds(deny)}, Decision{Denied: true, Layer: GuardrailLayer}},
	} {
		q := Query{Action: "signin:CreateOAuth2Token", Resource: resource, Keys: keys("aws:SourceIp=203.0.113.1")}
		if got := tt.p.Decide(q); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestPrincipalsOfAResourcePolicy(t *testing.T) {
	const alice = "arn:aws:iam::111122223333:role/Developer"
	for principal, want := range map[string]bool{
		`"Principal":"*"`:                                      true,
		`"Principal":{"AWS":"*"}`:                              true,
		`"Principal":{"AWS":"111122223333"}`:                   true,
		`"Principal":{"AWS":"arn:aws:iam::111122223333:root"}`: true,
		`"Principal":{"AWS":["444455556666","` + alice + `"]}`: true,
		`"Principal":{"AWS":"444455556666"}`:                   false,
		`"Principal":{"AWS":"` + alice + `s"}`:                 false,
		`"NotPrincipal":{"AWS":"` + alice + `"}`:               false,
		`"NotPrincipal":{"AWS":"444455556666"}`:                true,
	} {
		d, err := ParseResource(doc(`{"Effect":"Deny",` + principal + `,"Action":"*","Resource":"*"}`))
		if err != nil {
			t.Fatal(err)
		}
		p := Policies{Resource: []Document{d}}
		if got := p.Decide(Query{Action: "a:B", Resource: "*", Principal: alice}).Denied; got != want {
			t.Errorf("%s denies %s: %v, want %v", principal, alice, got, want)
		}
	}
}

// random makes documents and queries that meet each other often.
type random struct{ *rand.Rand }

func (r random) of(texts ...string) string { return texts[r.IntN(len(texts))] }

func (r random) statement(effect string) string {
	condition := r.of("", `,"Condition":{"StringEquals":{"x:a":"1"}}`, `,"Condition":{"StringNotLikeIfExists":{"x:a":["1*","2"]}}`,
		`,"Condition":{"ForAllValues:NumericLessThan":{"x:b":"5"},"Null":{"x:b":"false"}}`, `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/9"}}`)
	return fmt.Sprintf(`{"Effect":%q,%q:%q,%q:%q%s}`, effect, r.of("Action", "NotAction"), r.of("*", "s:A", "s:*", "s:?", "t:A"),
		r.of("Resource", "NotResource"), r.of("*", "arn:1", "arn:*", "arn:${x:a}", "urn:?"), condition)
}

func (r random) document(t *testing.T) Document {
	var statements []string
	for range 1 + r.IntN(3) {
		statements = append(statements, r.statement(r.of("Allow", "Allow", "Deny")))
	}
	return must(t, doc("["+strings.Join(statements, ",")+"]"))
}

func (r random) documents(t *testing.T, n int) []Document {
	var all []Document
	for range n {
		all = append(all, r.document(t))
	}
	return all
}

func (r random) query() Query {
	q := Query{Action: r.of("s:A", "S:a", "t:A", "s:B"), Resource: r.of("arn:1", "arn:2", "urn:1")}
	for _, text := range []string{r.of("", "x:a=1", "x:a=2"), r.of("", "x:b=3", "x:b=x", "x:b=9"), r.of("", "aws:SourceIp=10.1.1.1", "aws:SourceIp=10.200.1.1")} {
		if text != "" {
			q.Keys = append(q.Keys, keys(text)...)
		}
	}
	return q
}

// Whatever the policies and the query are: a Deny more, a guardrail more beside none, a session policy more beside none never
// lets in; an Allow more among identity policies never shuts out; and the order says nothing.
func TestNarrowingNeverWidens(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := random{rand.New(rand.NewPCG(seed, 7))}
	allowed := 0
	for range 5_000 {
		p, q := Policies{Identity: r.documents(t, 1+r.IntN(2)), Guardrails: r.documents(t, r.IntN(2)), Session: r.documents(t, r.IntN(2))}, r.query()
		was := p.Decide(q).Allowed
		if was {
			allowed++
		}
		denies := must(t, doc(r.statement("Deny")))
		narrower := []Policies{p, p, p, p}
		narrower[0].Identity = append(slices.Clone(p.Identity), denies)
		narrower[1].Guardrails = append(slices.Clone(p.Guardrails), denies)
		narrower[2].Session = append(slices.Clone(p.Session), denies)
		narrower[3].Resource = append(slices.Clone(p.Resource), denies)
		if len(p.Guardrails) == 0 {
			n := p
			n.Guardrails = r.documents(t, 1)
			narrower = append(narrower, n)
		}
		if len(p.Session) == 0 {
			n := p
			n.Session = r.documents(t, 2)
			narrower = append(narrower, n)
		}
		for i, n := range narrower {
			if n.Decide(q).Allowed && !was && !(i == 1 && len(p.Guardrails) == 0) {
				t.Fatalf("narrowing %d of %+v lets in %+v", i, p, q)
			}
		}
		wider := p
		wider.Identity = append(slices.Clone(p.Identity), must(t, doc(r.statement("Allow"))))
		if was && !wider.Decide(q).Allowed {
			t.Fatalf("an Allow more shuts out %+v of %+v", q, p)
		}
		turned := p
		turned.Identity = slices.Clone(p.Identity)
		slices.Reverse(turned.Identity)
		for i := range turned.Identity {
			statements := slices.Clone(turned.Identity[i].statements)
			slices.Reverse(statements)
			turned.Identity[i] = Document{statements}
		}
		if turned.Decide(q).Allowed != was {
			t.Fatalf("the order of %+v decides %+v", p, q)
		}
		applied := slices.ContainsFunc(p.Explain(q), func(s Step) bool { return s.Applies && s.Effect == "Allow" })
		if was && !applied {
			t.Fatalf("%+v allows %+v, and no step says why", p, q)
		}
	}
	if allowed < 100 {
		t.Errorf("only %d of the queries were allowed: this test sees too little", allowed)
	}
}

// The wildcards of a hostile document must not take the server's time: * after * is tried in one pass.
func TestHostilePatternsTakeBoundedTime(t *testing.T) {
	d := must(t, doc(`{"Effect":"Allow","Action":"*","Resource":"`+strings.Repeat("*a", 2900)+`b"}`))
	began := time.Now()
	if d.Allows("s:A", strings.Repeat("a", 2048)) {
		t.Error("it matches")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("deciding took %v", took)
	}
}

// hundred returns 100 statements about the same action and resource, each with conditions that have to be looked at to the
// last before it is known that it does not apply, and a query.
func hundred(tb testing.TB) (Policies, Query) {
	tb.Helper()
	var docs []Document
	for i := range 100 {
		docs = append(docs, must(tb, doc(fmt.Sprintf(`{"Effect":%q,"Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],`+
			`"Resource":"arn:aws:signin:*:111122223333:service-principal/*","Condition":{"StringEquals":{"signin:OAuthGrantType":"client_credentials"},`+
			`"IpAddress":{"aws:SourceIp":"10.%d.0.0/16"}}}`, []string{"Allow", "Deny"}[i%2], i))))
	}
	q := Query{
		Action: "signin:CreateOAuth2Token", Resource: "arn:aws:signin:us-east-1:111122223333:service-principal/mcp.example.com",
		Keys: keys("signin:OAuthClientId=arn:aws:signin:::client-credentials/sigv4", "signin:OAuthGrantType=client_credentials",
			"aws:PrincipalArn=arn:aws:iam::111122223333:role/Developer", "aws:PrincipalAccount=111122223333", "aws:PrincipalType=AssumedRole",
			"aws:userid=AROA:alice", "aws:username=alice", "aws:ResourceAccount=111122223333", "aws:RequestedRegion=us-east-1",
			"aws:CurrentTime=2026-11-28T00:00:00Z", "aws:EpochTime=1795824000", "aws:SourceIp=10.200.0.1"),
	}
	return Policies{Identity: docs}, q
}

func TestDecidingAllocatesNothing(t *testing.T) {
	p, q := hundred(t)
	if n := testing.AllocsPerRun(100, func() { p.Decide(q) }); n > 0 {
		t.Errorf("a decision on 100 statements allocates %v times, want 0", n)
	}
	q.Keys = append(q.Keys, keys("x:n=7.5", "x:b=AAEC", "x:tags=a", "x:tags=b", "x:t=true", "x:v6=2001:db8::1")...)
	for _, condition := range []string{
		`{"StringNotEqualsIgnoreCase":{"aws:username":"BOB"}}`, `{"StringLike":{"aws:userid":"AROA*:${aws:username}"}}`,
		`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Dev*"}}`, `{"NumericLessThan":{"x:n":"8"}}`, `{"BinaryEquals":{"x:b":"AAEC"}}`,
		`{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}`, `{"DateGreaterThan":{"aws:EpochTime":"2026-01-01T00:00:00Z"}}`,
		`{"Bool":{"x:t":"true"}}`, `{"Null":{"x:none":"true"}}`, `{"NotIpAddress":{"x:v6":["2001:db8:1::/48","10.0.0.0/8"]}}`,
		`{"ForAllValues:StringEquals":{"x:tags":["a","b","c"]}}`, `{"ForAnyValue:StringLike":{"x:tags":"b*"}}`,
	} {
		p := Policies{Identity: []Document{must(t, doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+condition+`}`))}}
		if !p.Decide(q).Allowed {
			t.Errorf("%s does not hold", condition)
		}
		if n := testing.AllocsPerRun(100, func() { p.Decide(q) }); n > 0 {
			t.Errorf("%s allocates %v times, want 0", condition, n)
		}
	}
}

func BenchmarkDecide100(b *testing.B) {
	p, q := hundred(b)
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(q)
	}
}

// What a later request will say is not known yet, and a condition on it counts as it lets in: what is offered may be refused
// later, and what can be had is not left out. Conditions on what is known hold or do not.
func TestConditionsOnWhatIsUnknownLetIn(t *testing.T) {
	const allow = `{"Effect":"Allow","Action":"*","Resource":"*"`
	const near, grant = `{"IpAddress":{"AWS:SourceIp":"10.0.0.0/8"}}`, `{"StringEquals":{"x:grant":"code"}}`
	for _, tt := range []struct {
		name, statements string
		known, unknown   bool
	}{
		{"an Allow from there", allow + `,"Condition":` + near + `}`, false, true},
		{"an Allow from there, of another action", `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":` + near + `}`, false, false},
		{"an Allow with another grant", allow + `,"Condition":` + strings.Replace(near+grant, "}{", ",", 1) + `}`, false, false},
		{"a Deny from elsewhere", allow + `},{"Effect":"Deny","Action":"*","Resource":"*","Condition":` + strings.Replace(near, "Ip", "NotIp", 1) + `}`, false, true},
		{"a Deny without", allow + `,"Condition":` + near + `},{"Effect":"Deny","Action":"*","Resource":"*"}`, false, false},
	} {
		p := Policies{Identity: []Document{must(t, doc("["+tt.statements+"]"))}}
		q := Query{Action: "signin:CreateOAuth2Token", Resource: resource, Keys: keys("x:grant=refresh", "aws:SourceIp=203.0.113.1")}
		known := p.Decide(q).Allowed
		q.Unknown = []string{"*"}
		if all := p.Decide(q).Allowed; tt.unknown && !all {
			t.Errorf("%s does not allow where nothing is known", tt.name)
		}
		q.Unknown = []string{"aws:SourceIp"}
		if unknown := p.Decide(q).Allowed; known != tt.known || unknown != tt.unknown {
			t.Errorf("%s allows with the address: %v, without: %v, want %v, %v", tt.name, known, unknown, tt.known, tt.unknown)
		}
	}
}

// Whatever a document says and a request brings, the answer comes, is the same again, and Explain agrees with it.
func FuzzDecide(f *testing.F) {
	f.Add(doc(`{"Effect":"Allow","Action":"a:*","Resource":"arn:${x:k, 'v'}*","Condition":{"ForAllValues:ArnLikeIfExists":{"x:k":["arn:*:?:::","*"]}}}`), "a:B", "arn:v", "x:k", "arn:aws:iam:::", "")
	f.Add(doc(`{"Effect":"Deny","NotAction":"a:*","NotResource":"*a*a*a*b","Condition":{"DateLessThan":{"x:k":"2026"},"IpAddress":{"x:l":"::/0"}}}`), "b:C", "aaaaaaa", "x:k", "1", "fe80::1%eth0")
	f.Add(doc(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericLessThan":{"x:k":1e3},"BinaryEquals":{"x:l":"AA=="}}}`), "a:B", "é", "X:K", "-0x1p-2", "AB==")
	f.Fuzz(func(t *testing.T, document, action, resource, name, one, two string) {
		d, err := Parse(document)
		if err != nil {
			return
		}
		q := Query{Action: action, Resource: resource, Keys: []Key{{name, []string{one, two}}, {"x:k", []string{one}}, {"x:l", []string{two}}, {"x:none", nil}}}
		p := Policies{Identity: []Document{d}}
		got := p.Decide(q)
		if again := p.Decide(q); again != got {
			t.Errorf("%+v, and then %+v", got, again)
		}
		allow, deny := false, false
		for _, s := range p.Explain(q) {
			allow, deny = allow || s.Applies && s.Effect == "Allow", deny || s.Applies && s.Effect == "Deny"
			if s.Why == "" {
				t.Errorf("statement %d says nothing", s.Statement)
			}
		}
		if got.Allowed != (allow && !deny) || got.Denied != deny {
			t.Errorf("%+v, and the steps allow: %v, deny: %v", got, allow, deny)
		}
	})
}

// Every document that is built in can be read, and allows what its name says.
func TestManagedPoliciesAreRead(t *testing.T) {
	for arn, document := range Managed {
		must(t, document)
		if got, ok := ManagedByARN(arn); !ok || got != document {
			t.Errorf("ManagedByARN(%s) = %q, %v", arn, got, ok)
		}
	}
	for _, tt := range []struct{ name, action, resource string }{
		{"SignInLocalDevelopmentAccess", "signin:CreateOAuth2Token", resource},
		{"AWSMCPSignInOAuthAccessPolicy", "signin:AuthorizeOAuth2Access", "arn:aws:signin:us-east-1:111122223333:service-principal/aws-mcp.amazonaws.com"},
		{"AWSSignInResourcePolicyManagement", "signin:PutResourcePermissionStatement", "*"},
	} {
		document, _ := ManagedByARN("arn:aws:iam::aws:policy/" + tt.name)
		if !must(t, document).Allows(tt.action, tt.resource) {
			t.Errorf("%s does not allow %s", tt.name, tt.action)
		}
	}
}

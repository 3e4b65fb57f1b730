package perimeter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

const region = "us-east-1"

// whole has every member.
func whole() Statement {
	return Statement{
		SourceIP: "203.0.113.0/24", SourceVPC: "vpc-0123abcd", SigninSourceVPCE: "vpce-0123abcd", ConsoleSourceVPCE: "vpce-89abcdef",
		VPCSourceIP: "172.16.0.0/12", RequestedRegion: region, ExcludedPrincipal: "arn:aws:iam::111122223333:role/BreakGlass",
	}
}

func TestStatementSaysFromWhereOrIsRefused(t *testing.T) {
	role := func(name string) string { return "arn:aws:iam::111122223333:role/" + name }
	with := func(change func(*Statement)) Statement {
		s := whole()
		change(&s)
		return s
	}
	for _, tt := range []struct {
		name string
		s    Statement
		want signin.Kind // Internal: it is good
	}{
		{"every member", whole(), signin.Internal},
		{"an address", Statement{SourceIP: "203.0.113.7"}, signin.Internal},
		{"an address in IPv6", Statement{SourceIP: "2001:db8::7"}, signin.Internal},
		{"a range", Statement{SourceIP: "0.0.0.0/0"}, signin.Internal},
		{"a range in IPv6", Statement{SourceIP: "2001:db8::/128"}, signin.Internal},
		{"a range with bits beyond its length", Statement{SourceIP: "203.0.113.7/24"}, signin.Internal},
		{"a VPC", Statement{SourceVPC: "vpc-0123abcd", RequestedRegion: region}, signin.Internal},
		{"a sign-in endpoint", Statement{SigninSourceVPCE: "vpce-0123abcd", RequestedRegion: region}, signin.Internal},
		{"a console endpoint", Statement{ConsoleSourceVPCE: "vpce-0123abcd", RequestedRegion: region}, signin.Internal},
		{"somebody excluded", Statement{SourceIP: "203.0.113.7", ExcludedPrincipal: role(strings.Repeat("r", 64))}, signin.Internal},

		{"nothing", Statement{}, signin.ParameterMissing},
		{"only somebody excluded", Statement{ExcludedPrincipal: role("r")}, signin.ParameterMissing},
		{"only a region", Statement{RequestedRegion: region}, signin.ParameterMissing},
		{"only an address in some VPC", Statement{VPCSourceIP: "10.0.0.0/8"}, signin.ParameterMissing},
		{"an address in some VPC beside one of the internet", Statement{SourceIP: "203.0.113.7", VPCSourceIP: "10.0.0.0/8"}, signin.ParameterMissing},
		{"a VPC without its region", Statement{SourceVPC: "vpc-0123abcd"}, signin.ParameterMissing},
		{"an endpoint without its region", Statement{ConsoleSourceVPCE: "vpce-0123abcd"}, signin.ParameterMissing},
		{"a region beside an address", Statement{SourceIP: "203.0.113.7", RequestedRegion: region}, signin.ParameterMissing},

		{"a VPC of another region", with(func(s *Statement) { s.RequestedRegion = "eu-central-1" }), signin.ParameterInvalid},
		{"a range too long", Statement{SourceIP: "203.0.113.0/33"}, signin.ParameterInvalid},
		{"a range in IPv6 too long", Statement{SourceIP: "2001:db8::/129"}, signin.ParameterInvalid},
		{"a range with zeros", Statement{SourceIP: "203.0.113.0/024"}, signin.ParameterInvalid},
		{"an address with zeros", Statement{SourceIP: "203.0.113.007"}, signin.ParameterInvalid},
		{"IPv4 as IPv6", Statement{SourceIP: "::ffff:203.0.113.7"}, signin.ParameterInvalid},
		{"a range of IPv4 as IPv6", Statement{SourceIP: "::ffff:203.0.113.0/120"}, signin.ParameterInvalid},
		{"a zone", Statement{SourceIP: "fe80::1%eth0"}, signin.ParameterInvalid},
		{"two addresses", Statement{SourceIP: "203.0.113.7,203.0.113.8"}, signin.ParameterInvalid},
		{"a pattern", Statement{SourceIP: "203.0.113.*"}, signin.ParameterInvalid},
		{"a policy variable", Statement{SourceIP: "${aws:SourceIp}"}, signin.ParameterInvalid},
		{"an address in the VPC that is none", with(func(s *Statement) { s.VPCSourceIP = "10" }), signin.ParameterInvalid},
		{"a VPC that is none", with(func(s *Statement) { s.SourceVPC = "vpc-*" }), signin.ParameterInvalid},
		{"an endpoint that is none", with(func(s *Statement) { s.SigninSourceVPCE = "vpc-0123abcd" }), signin.ParameterInvalid},
		{"a console endpoint that is none", with(func(s *Statement) { s.ConsoleSourceVPCE = "*" }), signin.ParameterInvalid},
		{"a role that is a pattern", with(func(s *Statement) { s.ExcludedPrincipal = role("*") }), signin.ParameterInvalid},
		{"a role with too long a name", with(func(s *Statement) { s.ExcludedPrincipal = role(strings.Repeat("r", 65)) }), signin.ParameterInvalid},
	} {
		if _, err := tt.s.Check(region); signin.KindOf(err) != tt.want || (err == nil) != (tt.want == signin.Internal) {
			t.Errorf("%s: Check = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestExcludedPrincipalsHaveTheDocumentedForm(t *testing.T) {
	for arn, want := range map[string]bool{
		"arn:aws:iam::111122223333:role/a":                                        true,
		"arn:aws:iam::111122223333:role/A_+=,.@-9":                                true,
		"arn:aws:iam::111122223333:user/a":                                        true,
		"arn:aws:iam::111122223333:root":                                          true,
		"arn:aws:sts::111122223333:federated-user/ab":                             true,
		"arn:aws:sts::111122223333:federated-user/" + strings.Repeat("a", 193):    true,
		"arn:aws:sts::111122223333:federated-user/" + strings.Repeat("a", 194):    false,
		"arn:aws:sts::111122223333:federated-user/a":                              false,
		"arn:aws:iam::111122223333:role/":                                         false,
		"arn:aws:iam::111122223333:role/path/a":                                   false,
		"arn:aws:iam::11112222333:role/a":                                         false,
		"arn:aws-cn:iam::111122223333:role/a":                                     false,
		"arn:aws:iam::111122223333:group/a":                                       false,
		"arn:aws:sts::111122223333:assumed-role/a/b":                              false,
		"arn:aws:iam::111122223333:root/":                                         false,
		"arn:aws:iam::111122223333:role/a\n":                                      false,
		" arn:aws:iam::111122223333:role/a":                                       false,
		"arn:aws:iam::111122223333:role/${aws:username}":                          false,
		"arn:aws:iam::111122223333:user/" + strings.Repeat("u", 65):               false,
		"arn:aws:iam::*:role/a":                                                   false,
		"arn:aws:iam::111122223333:rootarn:aws:iam::111122223333:role/ignoreThis": false,
	} {
		if got := ValidPrincipal(arn); got != want {
			t.Errorf("ValidPrincipal(%q) = %v, want %v", arn, got, want)
		}
	}
}

// What is kept has one spelling, so that a request that comes again is known by it.
func TestStatementIsKeptInOneSpelling(t *testing.T) {
	for typed, want := range map[string]string{
		"2001:DB8:0:0::/32": "2001:db8::/32", "2001:0db8::0007": "2001:db8::7", "203.0.113.7/24": "203.0.113.7/24",
	} {
		s, err := Statement{SourceIP: typed}.Check(region)
		if err != nil || s.SourceIP != want {
			t.Errorf("Check of %s = %s, %v, want %s", typed, s.SourceIP, err, want)
		}
	}
	want, err := whole().Check(region)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseStatement(want.Document())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("ParseStatement(Document) %v (-want +got):\n%s", err, diff)
	}
}

// A document that says more than is understood here must not be taken for a statement that says less.
func TestDocumentIsReadToTheLetter(t *testing.T) {
	for _, document := range []string{
		``, `{}`, `null`, `[]`, `"203.0.113.7"`, `{"sourceIp":"203.0.113.7"`, `{"sourceIp":"203.0.113.7"} x`,
		`{"sourceIp":"203.0.113.7","sourceIp":"203.0.113.8"}`, `{"SourceIp":"203.0.113.7"}`, `{"sourceip":"203.0.113.7"}`,
		`{"sourceIp":"203.0.113.7","mfa":true}`, `{"sourceIp":["203.0.113.7"]}`, `{"sourceIp":7}`, `{"sourceIp":"nowhere"}`,
	} {
		if s, err := ParseStatement(document); err == nil {
			t.Errorf("ParseStatement(%s) = %+v, want an error", document, s)
		}
	}
}

// FuzzStatement brings foreign documents: what is read must be readable as a policy too, and what cannot be read must deny.
func FuzzStatement(f *testing.F) {
	f.Add(whole().Document())
	f.Add(Statement{SourceIP: "2001:db8::/32"}.Document())
	f.Add(`{"sourceVpc":"vpc-0123abcd","requestedRegion":"x\u0000${aws:username}"}`)
	f.Fuzz(func(t *testing.T, document string) {
		s, err := ParseStatement(document)
		if err == nil {
			if again, err := ParseStatement(s.Document()); err != nil || again != s {
				t.Errorf("%q does not survive being kept: %+v, %v", document, again, err)
			}
		}
		p, bad := PolicyOf(store.PermissionStatement{Account: account, Statement: document})
		if (bad == nil) != (err == nil) {
			t.Errorf("PolicyOf(%q) = %v, ParseStatement = %v", document, bad, err)
		}
		if _, err := policy.ParseResource(p.Text()); err != nil {
			t.Errorf("the policy of %q cannot be read: %v\n%s", document, err, p.Text())
		}
	})
}

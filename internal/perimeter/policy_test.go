package perimeter

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/store"
)

const account = "111122223333"

func indent(t *testing.T, text string) string {
	t.Helper()
	v := jsontext.Value(text)
	if err := v.Indent(); err != nil {
		t.Fatal(err)
	}
	return string(v)
}

// Two statements that deny, one for each phase.
func TestStatementIsTwoDenials(t *testing.T) {
	got := Statement{SourceIP: "203.0.113.0/24", ExcludedPrincipal: "arn:aws:iam::111122223333:role/BreakGlass"}.Policy(account).Text()
	want := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["signin:Authenticate"],"Resource":"*","Condition":{
			"ArnNotEquals":{"signin:PrincipalArn":["arn:aws:iam::111122223333:role/BreakGlass"]},
			"NotIpAddress":{"aws:SourceIp":["203.0.113.0/24"]},
			"StringEquals":{"aws:ResourceAccount":["111122223333"]}}},
		{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],"Resource":"*","Condition":{
			"ArnNotEquals":{"aws:PrincipalArn":["arn:aws:iam::111122223333:role/BreakGlass"]},
			"NotIpAddress":{"aws:SourceIp":["203.0.113.0/24"]},
			"StringEquals":{"aws:ResourceAccount":["111122223333"]}}}]}`
	if diff := cmp.Diff(indent(t, want), indent(t, got)); diff != "" {
		t.Errorf("Policy (-want +got):\n%s", diff)
	}
}

// What narrows denies by itself; the address of the internet, which is another way in, stands beside each.
func TestEachThingAboutAVPCDeniesByItself(t *testing.T) {
	p := whole().Policy(account)
	var got []string
	for _, s := range p.Statement {
		if s.Condition["NotIpAddress"]["aws:SourceIp"] == nil || s.Condition["StringEquals"]["aws:ResourceAccount"] == nil {
			t.Errorf("a statement without the way in that is beside the VPC, or without its account: %+v", s)
		}
		for operator, keys := range s.Condition {
			for key, values := range keys {
				if strings.HasPrefix(key, "aws:SourceVpc") || key == "aws:VpcSourceIp" || key == "aws:RequestedRegion" {
					got = append(got, strings.Join(s.Action, "+")+" "+operator+" "+key+" "+strings.Join(values, ","))
				}
			}
		}
	}
	var want []string
	for _, actions := range []string{"signin:Authenticate", "signin:AuthorizeOAuth2Access+signin:CreateOAuth2Token"} {
		want = append(want,
			actions+" StringNotEquals aws:SourceVpc vpc-0123abcd", actions+" StringNotEquals aws:SourceVpce vpce-0123abcd,vpce-89abcdef",
			actions+" NotIpAddress aws:VpcSourceIp 172.16.0.0/12", actions+" StringNotEquals aws:RequestedRegion us-east-1")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}

func TestConditionShowsEveryMember(t *testing.T) {
	want := Condition{
		"StringEquals": {"aws:ResourceAccount": {account}},
		"ArnNotEquals": {"aws:PrincipalArn": {"arn:aws:iam::111122223333:role/BreakGlass"}},
		"NotIpAddress": {"aws:SourceIp": {"203.0.113.0/24"}, "aws:VpcSourceIp": {"172.16.0.0/12"}},
		"StringNotEquals": {
			"aws:SourceVpc": {"vpc-0123abcd"}, "aws:SourceVpce": {"vpce-0123abcd", "vpce-89abcdef"}, "aws:RequestedRegion": {"us-east-1"},
		},
	}
	if diff := cmp.Diff(want, whole().Condition(account)); diff != "" {
		t.Errorf("Condition (-want +got):\n%s", diff)
	}
}

// Nobody knows whom a statement was to keep out that cannot be read. So it keeps out everybody, and says so.
func TestUnreadableStatementDeniesEverybody(t *testing.T) {
	p, err := PolicyOf(store.PermissionStatement{Account: account, Statement: `{"sourceIp":"203.0.113.0/24","mfa":true}`})
	if err == nil || len(p.Statement) != 2 {
		t.Fatalf("PolicyOf = %+v, %v, want two statements and an error", p, err)
	}
	for _, s := range p.Statement {
		if diff := cmp.Diff(Condition{"StringEquals": {"aws:ResourceAccount": {account}}}, s.Condition); diff != "" || s.Effect != "Deny" {
			t.Errorf("effect %s, condition (-want +got):\n%s", s.Effect, diff)
		}
	}
}

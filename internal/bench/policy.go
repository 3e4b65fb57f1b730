package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
)

// hundredStatements are policies whose every statement is about the same action and resource, so that its conditions are
// looked at, and a query that the last of them allows.
func hundredStatements() (policy.Policies, policy.Query, error) {
	var p policy.Policies
	for i := range 100 {
		effect, network := "Deny", fmt.Sprintf("10.%d.0.0/16", i)
		if i == 99 {
			effect = "Allow"
		}
		d, err := policy.Parse(`{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],` +
			`"Resource":"arn:aws:signin:*:111122223333:service-principal/*","Condition":{"StringEquals":{"signin:OAuthGrantType":"client_credentials"},` +
			`"IpAddress":{"aws:SourceIp":"` + network + `"}}}}`)
		if err != nil {
			return p, policy.Query{}, err
		}
		p.Identity = append(p.Identity, d)
	}
	q := policy.Query{Action: "signin:CreateOAuth2Token", Resource: "arn:aws:signin:us-east-1:111122223333:service-principal/mcp.example.com"}
	for _, key := range [][2]string{
		{"signin:OAuthClientId", "arn:aws:signin:::client-credentials/sigv4"}, {"signin:OAuthGrantType", "client_credentials"},
		{"aws:PrincipalArn", "arn:aws:iam::111122223333:user/robot"}, {"aws:PrincipalAccount", "111122223333"}, {"aws:PrincipalType", "User"},
		{"aws:userid", "AIDAAAAAAAAAAAAAAAAA"}, {"aws:username", "robot"}, {"aws:ResourceAccount", "111122223333"},
		{"aws:RequestedRegion", "us-east-1"}, {"aws:CurrentTime", "2026-11-28T12:00:00Z"}, {"aws:EpochTime", "1795867200"}, {"aws:SourceIp", "10.99.0.1"},
	} {
		q.Keys = append(q.Keys, policy.Key{Name: key[0], Values: []string{key[1]}})
	}
	return p, q, nil
}

// decisions is how many are made between two looks at the clock.
const decisions = 100

// measurePolicy decides the same question again and again, alone in this process, and takes the time of a decision and how
// often it allocates.
func measurePolicy(ctx context.Context, l *lab, scenario string) (outcome, error) {
	p, q, err := hundredStatements()
	if err != nil {
		return outcome{}, err
	}
	var micros, allocations []float64
	for range l.Rounds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, began := 0, time.Now()
		for took := time.Duration(0); took < l.Duration/10 && ctx.Err() == nil; took = time.Since(began) {
			for range decisions {
				if !p.Decide(q).Allowed {
					return outcome{}, errors.New("the policies that are measured do not allow")
				}
			}
			n += decisions
		}
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		micros = append(micros, float64(took)/float64(time.Microsecond)/float64(n))
		allocations = append(allocations, float64(after.Mallocs-before.Mallocs)/float64(n))
	}
	f := Finding{Scenario: scenario, What: "a decision on 100 statements with conditions", Unit: "µs", Value: spreadOf(micros), Limit: limitPolicy}
	l.say("%s: %s: %.1f µs", scenario, f.What, f.Value.Median)
	return outcome{findings: []Finding{
		f.judge(l.Judge),
		Finding{Scenario: scenario, What: "allocations of a decision", Unit: "", Value: spreadOf(allocations)}.judge(l.Judge),
	}}, ctx.Err()
}

package cluster

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// What follows is done while nobody else is at work, so that each answer can be told before.

// pair is a tool's session and an agent's of one person. What is asked of them goes into no history.
type pair struct{ tool, agent *login }

// logInBoth signs a person in to a tool and to an agent that registers itself, each step at the next node.
func (s *site) logInBoth(person int) pair {
	s.Helper()
	a, ok := s.register(s.nodes[0])
	if !ok {
		s.Fatal("an agent cannot register")
	}
	p := pair{newLogin(person), newAgentLogin(person, a, true)}
	for _, l := range []*login{p.tool, p.agent} {
		if !s.approve(s.nodes[1], s.browser(person), l, false) {
			s.Fatalf("%s cannot approve", s.people[person].name)
		}
		if a := s.redeem(s.nodes[2], l, s.newRedemption(l)); a.status != http.StatusOK {
			s.Fatalf("redemption = %v", a)
		}
	}
	return p
}

// refreshTool refreshes the tool's session at a node.
func (s *site) refreshTool(n *node, p pair) answer {
	_, token := p.tool.now()
	return post(n, refreshing(token, p.tool.key, s.history.number(), s.now()))
}

// spread waits until every node answers the refresh of p with that status. It fails the test where one takes longer than
// it may after now, or changes its mind.
func (s *site) spread(what string, p pair, status int) {
	s.Helper()
	began := time.Now()
	var all sync.WaitGroup
	for _, n := range s.nodes {
		all.Go(func() {
			for {
				asked := time.Since(began)
				a := s.refreshTool(n, p)
				if a.status == status {
					break
				}
				if a.status != http.StatusOK && a.status != http.StatusForbidden || asked > bound {
					s.complain("%s: node %d answers %v after %v, want %d within %v", what, n.number, a, asked, status, bound)
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			for range 3 {
				if a := s.refreshTool(n, p); a.status != status {
					s.complain("%s: node %d answers %v once it has answered %d", what, n.number, a, status)
				}
			}
		})
	}
	all.Wait()
}

// control calls an operation of the control plane, which must succeed.
func (s *site) control(n *node, path, body string) string {
	s.Helper()
	status, answer, err := s.signed(n, path, body)
	if err != nil || status != http.StatusOK {
		s.Fatalf("%s at node %d = %d %s, %v", path, n.number, status, answer, err)
	}
	return string(answer)
}

const (
	putStatement = "/put-resource-permission-statement"
	switchOn     = "/put-console-authorization-configuration"
	switchOff    = "/delete-console-authorization-configuration"
)

// switchStatements keeps everybody out by a statement, from each node in turn, and lets them in from the next. Whatever
// the clocks show, all nodes heed it within the bound, and one that was cut off once it hears again. What is refused to an
// agent spends nothing.
func (s *site) switchStatements() {
	s.Helper()
	p := s.logInBoth(0)
	s.control(s.nodes[0], putStatement, `{"sourceIp":"203.0.113.0/24"}`)
	time.Sleep(bound)
	s.spread("a statement that is not in force", p, http.StatusOK)
	for i, n := range s.nodes {
		s.control(n, switchOn, "")
		s.spread("switched on", p, http.StatusForbidden)
		q := s.newAdvance(p.agent)
		for _, at := range s.nodes {
			if a := post(at, q); a.granted.Error != "invalid_grant" || !strings.Contains(a.Message, "permission statements") {
				s.complain("refresh of an agent from outside at node %d = %v", at.number, a)
			}
		}
		s.control(s.nodes[(i+1)%len(s.nodes)], switchOff, "")
		s.spread("switched off", p, http.StatusOK)
		if a := s.advance(s.nodes[(i+2)%len(s.nodes)], p.agent, q); a.status != http.StatusOK {
			s.complain("refresh of an agent that was refused before = %v", a)
		}
	}
	off := s.nodes[2]
	over := s.history.trouble(away, off.number)
	off.cut()
	s.control(s.nodes[0], switchOn, "")
	time.Sleep(bound)
	if a := s.refreshTool(off, p); a.status != http.StatusOK {
		s.complain("refresh at the node that is cut off = %v, want what it knows", a)
	}
	if a := s.refreshTool(s.nodes[1], p); a.status != http.StatusForbidden {
		s.complain("refresh at another node = %v, want 403", a)
	}
	off.heal(false)
	if !await(off.hears) {
		s.Fatalf("node %d does not hear from the database", off.number)
	}
	over(hearAgain)
	s.spread("heard again", p, http.StatusForbidden)
	s.control(off, switchOff, "")
	s.spread("switched off in the end", p, http.StatusOK)
}

// attachPolicies attaches a policy to a person, which ends the person's sessions on all nodes and nobody else's, and takes
// it away again.
func (s *site) attachPolicies() {
	s.Helper()
	const arn = "arn:aws:iam::" + account + ":policy/NoAgents"
	file := filepath.Join(s.dir, "no-agents.json")
	deny := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"signin:*","Resource":"arn:aws:signin:*:*:service-principal/*"}}`
	if err := os.WriteFile(file, []byte(deny), 0o600); err != nil {
		s.Fatal(err)
	}
	run := func(args ...string) {
		s.Helper()
		if _, err := s.command(s.Context(), args...); err != nil {
			s.Fatal(err)
		}
	}
	mine, other := s.logInBoth(0), s.logInBoth(1)
	run("policy", "add", account, "NoAgents", file)
	if a := s.refreshTool(s.nodes[0], mine); a.status != http.StatusOK {
		s.complain("a policy that is attached to nobody: refresh = %v", a)
	}
	run("policy", "attach", arn, "--user", s.people[0].name)
	time.Sleep(bound)
	for _, n := range s.nodes {
		if a := s.refreshTool(n, mine); a.status != http.StatusUnauthorized {
			s.complain("a session of before the policy at node %d = %v, want 401", n.number, a)
		}
		if a := post(n, s.newAdvance(mine.agent)); a.granted.Error != "invalid_grant" || !strings.Contains(a.Message, "policies") {
			s.complain("an agent's session of before the policy at node %d = %v, want invalid_grant", n.number, a)
		}
		if a := s.refreshTool(n, other); a.status != http.StatusOK {
			s.complain("the session of somebody else at node %d = %v, want 200", n.number, a)
		}
		if a := s.advance(n, other.agent, s.newAdvance(other.agent)); a.status != http.StatusOK {
			s.complain("the agent of somebody else at node %d = %v, want 200", n.number, a)
		}
		denied := newAgentLogin(0, mine.agent.agent, false)
		if _, _, err := s.walk(n, s.browser(0), denied, false); err == nil {
			s.complain("node %d lets an agent in that the policy denies", n.number)
		}
	}
	run("policy", "detach", arn, "--user", s.people[0].name)
	time.Sleep(bound)
	s.logInBoth(0)
	run("policy", "remove", arn)
}

package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// contents is all of a database that the contract lets one see; sessions only as far as their ids are known.
type contents struct {
	Accounts    []store.Account
	People      []store.Person
	Roles       []store.Role
	Assignments map[string][]store.Assignment // by id of the person
	Robot       store.ServiceUser
	Key         store.AccessKey
	KeyUser     store.ServiceUser
	Portal      signin.Client
	Ring        []store.RingKey
	Notices     []signin.Notice
	Events      []store.AuditEvent
	// Operations are the records of the parts from PartGroups on, without those of which there are none.
	Operations map[store.Part][]store.Record
}

// contentsOf reads a furnished database.
func contentsOf(t *testing.T, s store.Store) contents {
	t.Helper()
	ctx := t.Context()
	var c contents
	var err error
	c.Accounts, err = s.Accounts(ctx)
	must(t, "Accounts", err)
	c.People, err = s.People(ctx)
	must(t, "People", err)
	c.Roles, err = s.Roles(ctx)
	must(t, "Roles", err)
	c.Assignments = make(map[string][]store.Assignment)
	for _, p := range c.People {
		c.Assignments[p.ID], err = s.AssignmentsOf(ctx, p.ID)
		must(t, "AssignmentsOf", err)
	}
	c.Robot, err = s.ServiceUserByName(ctx, robot.Account, robot.Name)
	must(t, "ServiceUserByName", err)
	c.Key, c.KeyUser, err = s.AccessKeyByID(ctx, robotKey.ID)
	must(t, "AccessKeyByID", err)
	c.Portal, err = s.ClientByID(ctx, portal.ID)
	must(t, "ClientByID", err)
	c.Ring, err = s.RingKeys(ctx)
	must(t, "RingKeys", err)
	c.Notices, err = s.NoticesAfter(ctx, 0, 1000)
	must(t, "NoticesAfter", err)
	c.Events, err = s.AuditEvents(ctx, store.AuditQuery{Limit: 1000})
	must(t, "AuditEvents", err)
	c.Operations = make(map[store.Part][]store.Record)
	for p := store.PartGroups; p <= store.PartApplications; p++ {
		if records := recordsOf(t, s, p); len(records) > 0 {
			c.Operations[p] = records
		}
	}
	return c
}

// furnished is what contentsOf reads after furnish.
func furnished() contents {
	return contents{
		Accounts: []store.Account{acme, globex},
		People:   []store.Person{alice, bob},
		Roles:    []store.Role{auditor, developer, foreign},
		Assignments: map[string][]store.Assignment{
			alice.ID: {{AccountName: acme.Name, Role: auditor}, {AccountName: acme.Name, Role: developer}, {AccountName: globex.Name, Role: foreign}},
			bob.ID:   nil,
		},
		Robot: robot, Key: robotKey, KeyUser: robot, Portal: portal,
		Ring: []store.RingKey{firstKey, secondKey},
	}
}

// diff tells how got differs from want. No elements and nil are the same, and times are compared as instants.
func diff(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

package soak

import (
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const (
	account  = "111122223333"
	resource = "https://mcp.example.com/mcp"
	// many is how many people refresh as agents' users; each has policies that are remembered.
	many       = 200
	everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"signin:*","Resource":"*"}}`
)

// directory is whom agents act for, and who asks about their tokens.
type directory struct {
	people  []signin.Principal
	auditor testkit.Credentials
}

// fill makes a directory, beside the server.
func (s *site) fill(t *testing.T) directory {
	t.Helper()
	st, err := s.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ctx, now, key := t.Context(), time.Now(), s.ring.AccessKeyKey()
	role := store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: account, Name: "Agent", Policy: everything, Created: now}
	user := store.ServiceUser{ID: signin.NewUniqueID(signin.PrefixPerson), Account: account, Name: "auditor", Policy: everything, Created: now}
	access := store.AccessKey{ID: signin.NewUniqueID(signin.PrefixAccessKey), User: user.ID, RingKey: key.ID(), Created: now}
	d := directory{auditor: testkit.Credentials{AccessKeyID: access.ID, SecretAccessKey: credential.LongLivedSecret(key, access.ID)}}
	steps := []error{
		st.AddAccount(ctx, store.Account{ID: account, Name: "Soak", Created: now}), st.AddRole(ctx, role),
		st.AddServiceUser(ctx, user), st.AddAccessKey(ctx, access),
		st.AddResource(ctx, store.Resource{Resource: signin.Resource{Account: account, Identifier: resource, Service: signin.ServiceOf(resource)}, Created: now}),
	}
	for range many {
		p := store.Person{ID: signin.NewUniqueID(signin.PrefixPerson), Created: now, PasswordChanged: now}
		p.Name = "person-" + p.ID
		steps = append(steps, st.AddPerson(ctx, p), st.Assign(ctx, p.ID, role.ID))
		d.people = append(d.people, signin.Principal{Account: account, Role: role.Name, RoleID: role.ID, Person: p.Name, PersonID: p.ID})
	}
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// agentCode returns a code that the person approved for an agent of that id.
func (s *site) agentCode(p signin.Principal, id, verifier string) string {
	now := s.now()
	return seal.SealCode(s.ring.SealingKey(now), approved(now, verifier, signin.Authorization{
		Client: signin.HashClient(id), Resource: signin.HashResource(resource), Principal: p,
	}))
}

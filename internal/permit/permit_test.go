package permit_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/permit"
	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

const (
	account  = "111122223333"
	action   = "signin:CreateOAuth2Token"
	resource = "arn:aws:signin:us-east-1:111122223333:service-principal/mcp.example.com"
)

// world is a directory with one of each: a person in a group, a role, a service user.
type world struct {
	store.Store
	now    time.Time
	person store.Person
	group  store.Group
	role   store.Role
	user   store.ServiceUser
	judge  *permit.Judge
}

func document(effect, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"signin:*","Resource":"*"` + condition + `}]}`
}

// nothing is a policy that says nothing about the action.
const nothing = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`

func newWorld(t testing.TB, rolePolicy string) *world {
	t.Helper()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), now, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w := &world{
		Store: st, now: now, judge: permit.New(st, "us-east-1"),
		person: store.Person{ID: signin.NewUniqueID(signin.PrefixPerson), Name: "alice", Created: now, PasswordChanged: now},
		group:  store.Group{ID: signin.NewUniqueID(signin.PrefixGroup), Name: "developers", Created: now},
		role:   store.Role{ID: signin.NewUniqueID(signin.PrefixRole), Account: account, Name: "Developer", Policy: rolePolicy, Created: now},
		user:   store.ServiceUser{ID: signin.NewUniqueID(signin.PrefixPerson), Account: account, Name: "robot", Policy: rolePolicy, Created: now},
	}
	ctx := t.Context()
	for _, err := range []error{
		w.AddAccount(ctx, store.Account{ID: account, Name: "Test", Created: now}), w.AddPerson(ctx, w.person), w.AddGroup(ctx, w.group),
		w.AddMember(ctx, w.group.ID, w.person.ID, now, now), w.AddRole(ctx, w.role), w.AddServiceUser(ctx, w.user),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) attach(t testing.TB, name, document string, kind store.TargetKind, id string) string {
	t.Helper()
	arn := "arn:aws:iam::" + account + ":policy/" + name
	if err := w.AddManagedPolicy(t.Context(), store.ManagedPolicy{ARN: arn, Account: account, Document: document, Created: w.now}); err != nil {
		t.Fatal(err)
	}
	if err := w.AttachPolicy(t.Context(), store.Attachment{Target: store.Target{Kind: kind, ID: id}, Policy: arn}, false, w.now, w.now); err != nil {
		t.Fatal(err)
	}
	return arn
}

func (w *world) principal() signin.Principal {
	return signin.Principal{Account: account, Role: w.role.Name, RoleID: w.role.ID, Person: w.person.Name, PersonID: w.person.ID}
}

func (w *world) ask() permit.Ask {
	return permit.Ask{
		Action: action, Resource: resource, Keys: []policy.Key{{Name: "signin:OAuthGrantType", Values: []string{"client_credentials"}}},
		Network: signin.Network{SourceIP: netip.MustParseAddr("203.0.113.9"), VPC: "vpc-0a1b2c3d"}, Now: w.now,
	}
}

// want fails the test unless the person as the role, or the service user, is answered as said; message is part of the refusal.
func (w *world) want(t *testing.T, name string, allowed bool, message string) {
	t.Helper()
	err := permit.New(w.Store, "us-east-1").Principal(t.Context(), w.principal(), w.ask())
	if (err == nil) != allowed || err != nil && (signin.KindOf(err) != signin.PermissionMissing || !strings.Contains(err.Error(), message)) {
		t.Errorf("%s: %v, want allowed: %v, or PermissionMissing with %q", name, err, allowed, message)
	}
}

// What is attached to the role, to the person and to their groups all gives; what is attached to the account bounds.
func TestPoliciesOfARoleAddUpAndTheAccountBounds(t *testing.T) {
	for _, target := range []store.TargetKind{store.ToPerson, store.ToGroup, store.ToRole} {
		w := newWorld(t, nothing)
		w.want(t, "the role alone", false, "No policy of the role Developer")
		id := map[store.TargetKind]string{store.ToPerson: w.person.ID, store.ToGroup: w.group.ID, store.ToRole: w.role.ID}[target]
		w.attach(t, "Gives", document("Allow", ""), target, id)
		w.want(t, "attached to the "+string(target), true, "")
		w.attach(t, "Takes", document("Deny", `{"StringEquals":{"signin:OAuthGrantType":"client_credentials"}}`), target, id)
		w.want(t, "denied at the "+string(target), false, "denies "+action)
	}
	w := newWorld(t, document("Allow", ""))
	w.want(t, "the role's own document", true, "")
	w.attach(t, "Bound", nothing, store.ToAccount, account)
	w.want(t, "an account that allows something else", false, "No policy of account 111122223333 allows")
	w.attach(t, "Wider", document("Allow", ""), store.ToAccount, account)
	w.want(t, "an account that allows it as well", true, "")

	only := newWorld(t, nothing)
	only.attach(t, "Bound", document("Allow", ""), store.ToAccount, account)
	only.want(t, "what an account allows gives nothing", false, "No policy of the role")
}

func TestGlobalKeysAreThere(t *testing.T) {
	for _, condition := range []string{
		`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/Developer"}}`,
		`{"StringEquals":{"aws:PrincipalAccount":"111122223333","aws:PrincipalType":"AssumedRole","aws:username":"alice","aws:RequestedRegion":"us-east-1"}}`,
		`{"StringLike":{"aws:userid":"AROA*:alice"}}`,
		`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"},"StringEquals":{"aws:SourceVpc":"vpc-0a1b2c3d"},"Null":{"aws:SourceVpce":"true"}}`,
		`{"DateGreaterThan":{"aws:CurrentTime":"2026-11-28T11:59:59Z"},"DateLessThan":{"aws:EpochTime":"1795867201"}}`,
		`{"StringEquals":{"signin:OAuthGrantType":"client_credentials"}}`,
	} {
		newWorld(t, document("Allow", condition)).want(t, condition, true, "")
	}
	newWorld(t, document("Allow", `{"StringEquals":{"aws:username":"bob"}}`)).want(t, "another person", false, "No policy")
}

func TestServiceUsersAndForeignersHaveTheirOwn(t *testing.T) {
	w := newWorld(t, nothing)
	ctx := t.Context()
	if err := w.judge.ServiceUser(ctx, w.user, w.ask()); signin.KindOf(err) != signin.PermissionMissing {
		t.Errorf("a service user without a policy: %v, want PermissionMissing", err)
	}
	w.attach(t, "Gives", document("Allow", `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/robot"}}`), store.ToServiceUser, w.user.ID)
	fresh := permit.New(w.Store, "us-east-1")
	if err := fresh.Caller(ctx, caller.Caller{User: &w.user}, w.ask()); err != nil {
		t.Errorf("a service user with a policy: %v", err)
	}
	if err := fresh.Role(ctx, w.role, "x", w.ask()); signin.KindOf(err) != signin.PermissionMissing {
		t.Errorf("a foreigner in a role without a policy: %v, want PermissionMissing", err)
	}
	// What is attached to a person or a group is theirs: whom another issuer vouches for has the role's alone.
	w.attach(t, "OfThePerson", document("Allow", ""), store.ToPerson, w.person.ID)
	if err := permit.New(w.Store, "us-east-1").Role(ctx, w.role, "alice", w.ask()); err == nil {
		t.Error("a foreigner called alice has what is attached to the person alice")
	}
	w.attach(t, "OfTheRole", document("Allow", ""), store.ToRole, w.role.ID)
	if err := permit.New(w.Store, "us-east-1").Role(ctx, w.role, "alice", w.ask()); err != nil {
		t.Errorf("a foreigner in a role with a policy: %v", err)
	}
}

// A policy that this version cannot read might have denied, so nothing is allowed beside it.
func TestAPolicyThatCannotBeReadLetsNobodyIn(t *testing.T) {
	w := newWorld(t, document("Allow", ""))
	w.attach(t, "Broken", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"FutureOperator":{"a:b":"c"}}}]}`, store.ToGroup, w.group.ID)
	w.want(t, "beside a broken policy", false, "cannot be read")

	gone := newWorld(t, document("Allow", ""))
	a := store.Attachment{Target: store.Target{Kind: store.ToRole, ID: gone.role.ID}, Policy: "arn:aws:iam::aws:policy/OfALaterVersion"}
	if err := gone.AttachPolicy(t.Context(), a, true, gone.now, gone.now); err != nil {
		t.Fatal(err)
	}
	gone.want(t, "beside a policy that is not built in", false, "no such policy")

	removed := newWorld(t, document("Allow", ""))
	removed.role.ID = signin.NewUniqueID(signin.PrefixRole)
	removed.want(t, "a role that is gone", false, "no longer there")
}

// What the store said is believed for a second, and no longer.
func TestAChangeIsHeededWithinASecond(t *testing.T) {
	w := newWorld(t, document("Allow", ""))
	ask := w.ask()
	if err := w.judge.Principal(t.Context(), w.principal(), ask); err != nil {
		t.Fatal(err)
	}
	if err := w.SetRolePolicy(t.Context(), w.role.ID, document("Deny", ""), true, w.now, w.now); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after   time.Duration
		allowed bool
	}{{999 * time.Millisecond, true}, {time.Second, false}} {
		ask.Now = w.now.Add(tt.after)
		if err := w.judge.Principal(t.Context(), w.principal(), ask); (err == nil) != tt.allowed {
			t.Errorf("%v after the change: %v, want allowed: %v", tt.after, err, tt.allowed)
		}
	}
	// A clock that was set back does not make what was believed last.
	back := newWorld(t, document("Allow", ""))
	if err := back.judge.Principal(t.Context(), back.principal(), ask); err != nil {
		t.Fatal(err)
	}
	if err := back.SetRolePolicy(t.Context(), back.role.ID, document("Deny", ""), true, back.now, back.now); err != nil {
		t.Fatal(err)
	}
	ask.Now = ask.Now.Add(-time.Hour)
	if err := back.judge.Principal(t.Context(), back.principal(), ask); err == nil {
		t.Error("an hour before it was asked, the old policy is still believed")
	}
}

// A code says up to which notice the directory was known when it was approved, and only later ones end its session. So what
// was remembered from before that notice must not approve it: it would outlive the change by the whole session.
func TestWhatIsGivenOutRestsOnPoliciesAsOfItsNotice(t *testing.T) {
	w := newWorld(t, document("Allow", ""))
	ask := w.ask()
	if err := w.judge.Principal(t.Context(), w.principal(), ask); err != nil {
		t.Fatal(err)
	}
	if err := w.SetRolePolicy(t.Context(), w.role.ID, document("Deny", ""), true, w.now, w.now); err != nil {
		t.Fatal(err)
	}
	last, err := w.LastNotice(t.Context())
	if err != nil || last == 0 {
		t.Fatalf("the last notice is %d, %v, want one about the role", last, err)
	}
	ask.AsOf = last
	if err := w.judge.Principal(t.Context(), w.principal(), ask); signin.KindOf(err) != signin.PermissionMissing {
		t.Errorf("in the same moment, with the notice heard: %v, want PermissionMissing", err)
	}
	ask.AsOf = 0
	if err := w.judge.Principal(t.Context(), w.principal(), ask); signin.KindOf(err) != signin.PermissionMissing {
		t.Errorf("after that, asked about this moment only: %v, want PermissionMissing", err)
	}
}

// The address of a link-local neighbour has the zone of this host in it, which no policy knows.
func TestTheZoneOfAnAddressIsLeftOut(t *testing.T) {
	got := permit.NetworkKeys(signin.Network{SourceIP: netip.MustParseAddr("fe80::1%eth0"), VPCSourceIP: netip.MustParseAddr("::ffff:10.0.0.1")})
	want := []policy.Key{{Name: "aws:SourceIp", Values: []string{"fe80::1"}}, {Name: "aws:VpcSourceIp", Values: []string{"10.0.0.1"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("NetworkKeys = %v, want %v", got, want)
	}
}

// Whoever explains a decision has what it was made of: every document, by where it comes from, and every key.
func TestBearingIsWhatDecides(t *testing.T) {
	w := newWorld(t, nothing)
	gives := w.attach(t, "Gives", document("Allow", ""), store.ToGroup, w.group.ID)
	bounds := w.attach(t, "Bounds", document("Deny", `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`), store.ToAccount, account)
	b, err := w.judge.OnPrincipal(t.Context(), w.principal(), w.ask())
	if err != nil {
		t.Fatal(err)
	}
	identity := []permit.Origin{
		{Target: store.Target{Kind: store.ToRole, ID: w.role.ID}},
		{Target: store.Target{Kind: store.ToGroup, ID: w.group.ID}, Policy: gives},
	}
	guardrails := []permit.Origin{{Target: store.Target{Kind: store.ToAccount, ID: account}, Policy: bounds}}
	if !slices.Equal(b.Identity, identity) || !slices.Equal(b.Guardrails, guardrails) {
		t.Errorf("the documents come from %v and %v, want %v and %v", b.Identity, b.Guardrails, identity, guardrails)
	}
	if d, on := b.Decide(); !d.Denied || d.Layer != policy.GuardrailLayer || on != resource {
		t.Errorf("Decide() = %+v on %s, want that the account denies it on %s", d, on, resource)
	}
	var applies []bool
	for _, s := range b.Policies.Explain(b.Query) {
		applies = append(applies, s.Applies)
	}
	if want := []bool{false, true, true}; !slices.Equal(applies, want) {
		t.Errorf("the statements apply: %v, want %v", applies, want)
	}

	// What is given as a key stands for what is known.
	ask := w.ask()
	ask.Keys = []policy.Key{{Name: "AWS:sourceip", Values: []string{"198.51.100.1"}}}
	for name, bearing := range map[string]func() (permit.Bearing, error){
		"a role":         func() (permit.Bearing, error) { return w.judge.OnRole(t.Context(), w.role, "x", ask) },
		"a service user": func() (permit.Bearing, error) { return w.judge.OnServiceUser(t.Context(), w.user, ask) },
		"nobody":         func() (permit.Bearing, error) { return permit.New(nil, "us-east-1").OnNobody(ask), nil },
	} {
		b, err := bearing()
		if err != nil {
			t.Fatal(err)
		}
		if d, _ := b.Decide(); d.Allowed || d.Denied || d.Layer != policy.IdentityLayer {
			t.Errorf("%s elsewhere, who is in no group: %+v, want that no policy of theirs allows it", name, d)
		}
	}
	gone := w.principal()
	gone.PersonID = signin.NewUniqueID(signin.PrefixPerson)
	if _, err := w.judge.OnPrincipal(t.Context(), gone, w.ask()); signin.KindOf(err) != signin.PermissionMissing {
		t.Errorf("somebody who is gone: %v, want PermissionMissing", err)
	}
}

// What must not be denied is named where it is.
func TestBearingNamesWhatIsDenied(t *testing.T) {
	const client = "arn:aws:signin:us-east-1::external-client/dcr/01a22115-0a89-7c2b-aad1-405fd6511a48"
	w := newWorld(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"`+client+`"}]}`)
	ask := w.ask()
	ask.Undenied = client
	b, err := w.judge.OnPrincipal(t.Context(), w.principal(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if d, on := b.Decide(); !d.Denied || on != client || d.Statement != 1 {
		t.Errorf("Decide() = %+v on %s, want that the second statement denies it on the client", d, on)
	}
}

// A principal who was not remembered costs a look into the database, whose documents are compiled already.
func BenchmarkPrincipalAnew(b *testing.B) {
	w := newWorld(b, document("Allow", `{"StringEquals":{"signin:OAuthGrantType":"client_credentials"}}`))
	w.attach(b, "Gives", document("Allow", ""), store.ToGroup, w.group.ID)
	ask, ctx := w.ask(), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		ask.Now = ask.Now.Add(time.Second)
		if err := w.judge.Principal(ctx, w.principal(), ask); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCaller(b *testing.B) {
	w := newWorld(b, document("Allow", `{"StringEquals":{"signin:OAuthGrantType":"client_credentials"}}`))
	ask := w.ask()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := w.judge.ServiceUser(ctx, w.user, ask); err != nil {
			b.Fatal(err)
		}
	}
}

// A client takes part in what a role does with a resource. Nothing need allow it, but a statement that denies it counts.
func TestWhatTakesPartMustNotBeDenied(t *testing.T) {
	const client = "arn:aws:signin:us-east-1::external-client/dcr/01a22115-0a89-7c2b-aad1-405fd6511a48"
	allow := `{"Effect":"Allow","Action":"signin:*","Resource":"` + resource + `"}`
	for _, tt := range []struct {
		statements, undenied string
		allowed              bool
	}{
		{allow, "", true},
		{allow, client, true},
		{allow + `,{"Effect":"Deny","Action":"` + action + `","Resource":"` + client + `"}`, client, false},
		{allow + `,{"Effect":"Deny","Action":"` + action + `","Resource":"` + client + `"}`, client + "x", true},
		{allow + `,{"Effect":"Deny","Action":"signin:Authenticate","Resource":"` + client + `"}`, client, true},
		{`{"Effect":"Allow","Action":"signin:*","Resource":"` + client + `"}`, client, false},
	} {
		w := newWorld(t, `{"Version":"2012-10-17","Statement":[`+tt.statements+`]}`)
		p := signin.Principal{Account: account, Role: w.role.Name, RoleID: w.role.ID, Person: w.person.Name, PersonID: w.person.ID}
		err := w.judge.Principal(t.Context(), p, permit.Ask{Action: action, Resource: resource, Undenied: tt.undenied, Now: w.now})
		if got := err == nil; got != tt.allowed || err != nil && signin.KindOf(err) != signin.PermissionMissing {
			t.Errorf("%s with %q undenied: %v, want allowed %v", tt.statements, tt.undenied, err, tt.allowed)
		}
	}
}

package control_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// The paths of the operations.
const (
	put    = "/put-resource-permission-statement"
	remove = "/delete-resource-permission-statement"
	list   = "/list-resource-permission-statements"
	policy = "/get-resource-policy"
	on     = "/put-console-authorization-configuration"
	ask    = "/get-console-authorization-configuration"
	off    = "/delete-console-authorization-configuration"
	create = "/create-trusted-identity-propagation-application-for-console"
	find   = "/list-trusted-identity-propagation-applications-for-console"
)

const (
	everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:*","Resource":"*"}]}`
	instance   = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
	other      = "444455556666"
)

// admin plays somebody who administers an account.
type admin struct {
	s    *testkit.Server
	keys testkit.Credentials
}

func newAdmin(t testing.TB, s *testkit.Server) admin {
	t.Helper()
	return admin{s, s.AccessKey(t, s.ServiceUser(t, "admin", everything))}
}

// stranger is the same in another account.
func stranger(t testing.TB, s *testkit.Server) admin {
	t.Helper()
	now := time.Now()
	must(t, s.Store.AddAccount(t.Context(), store.Account{ID: other, Name: "Other", Created: now}))
	u := store.ServiceUser{ID: signin.NewUniqueID(signin.PrefixPerson), Account: other, Name: "stranger", Policy: everything, Created: now}
	must(t, s.Store.AddServiceUser(t.Context(), u))
	return admin{s, s.AccessKey(t, u)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what the caller reads.
type answer struct {
	Status int
	Header http.Header
	Body   string

	Type, Error, Message string
	StatementID          string
	NextToken            string
	Statements           []struct {
		SID       string
		Condition map[string]map[string][]string
	}
	ApplicationARN  string
	ApplicationARNs []string
}

func read(t testing.TB, w *httptest.ResponseRecorder) answer {
	t.Helper()
	a := answer{Status: w.Code, Header: w.Header(), Body: w.Body.String()}
	if w.Body.Len() == 0 {
		return a
	}
	var body struct {
		Type       string `json:"__type"`
		Error      string `json:"error"`
		Message    string `json:"message"`
		ID         string `json:"statementId"`
		NextToken  string `json:"nextToken"`
		Statements []struct {
			SID       string                         `json:"sid"`
			Condition map[string]map[string][]string `json:"condition"`
		} `json:"permissionStatements"`
		Application  string   `json:"applicationArn"`
		Applications []string `json:"applicationArns"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("answer is not JSON: %v\n%s", err, w.Body)
	}
	a.Type, a.Error, a.Message = body.Type, body.Error, body.Message
	a.StatementID, a.NextToken, a.ApplicationARN, a.ApplicationARNs = body.ID, body.NextToken, body.Application, body.Applications
	for _, s := range body.Statements {
		a.Statements = append(a.Statements, struct {
			SID       string
			Condition map[string]map[string][]string
		}{s.SID, s.Condition})
	}
	return a
}

func (a admin) call(t testing.TB, path, body string) answer {
	t.Helper()
	return read(t, a.s.Do(a.s.Request(testkit.SignedCall{Path: path, Body: body}, a.keys)))
}

// want fails the test unless a is a refusal of that kind, or, for Internal, none.
func (a answer) want(t testing.TB, what string, status int, code string) {
	t.Helper()
	if a.Status != status || a.Error != code {
		t.Errorf("%s: answer = %d %s (%s), want %d %s", what, a.Status, a.Error, a.Message, status, code)
	}
}

func (a admin) put(t testing.TB, body string) string {
	t.Helper()
	got := a.call(t, put, body)
	if got.Status != http.StatusOK {
		t.Fatalf("put %s = %d %s", body, got.Status, got.Body)
	}
	return got.StatementID
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9+/]{64}=?$`)

func TestOperationsAnswerInTheirShapes(t *testing.T) {
	a := newAdmin(t, testkit.Start(t))
	a.call(t, policy, "").want(t, "no policy yet", 404, "RESOURCE_NOT_FOUND")
	if got := a.call(t, list, "{}"); got.Status != 200 || got.Body != `{"permissionStatements":[]}` {
		t.Errorf("list of nothing = %d %s", got.Status, got.Body)
	}
	id := a.put(t, `{"sourceIp":"203.0.113.0/24","excludedPrincipal":"arn:aws:iam::111122223333:role/BreakGlass"}`)
	if !idPattern.MatchString(id) {
		t.Errorf("statementId %q does not match its pattern", id)
	}
	const condition = `{"ArnNotEquals":{"KEY":["arn:aws:iam::111122223333:role/BreakGlass"]},"NotIpAddress":{"aws:SourceIp":["203.0.113.0/24"]},"StringEquals":{"aws:ResourceAccount":["111122223333"]}}`
	after := strings.Replace(condition, "KEY", "aws:PrincipalArn", 1)
	if got, want := a.call(t, list, "").Body, `{"permissionStatements":[{"sid":"`+id+`","condition":`+after+`}]}`; got != want {
		t.Errorf("list (-want +got):\n%s", cmp.Diff(want, got))
	}
	before := strings.Replace(condition, "KEY", "signin:PrincipalArn", 1)
	want := `{"signinResourceBasedPolicy":{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["signin:Authenticate"],"Resource":"*","Condition":` + before + `},` +
		`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],"Resource":"*","Condition":` + after + `}]}}`
	for _, body := range []string{"", "{}"} {
		if got := a.call(t, policy, body); got.Status != 200 || got.Body != want {
			t.Errorf("policy = %d (-want +got):\n%s", got.Status, cmp.Diff(want, got.Body))
		}
	}
	for _, step := range []struct {
		path, body string
		enabled    bool
	}{
		{ask, "", false}, {on, "", true}, {on, `{"targetId":"111122223333"}`, true}, {ask, `{"targetId":"111122223333"}`, true}, {ask, `{"targetId":""}`, true},
		{off, `{}`, false}, {off, ``, false}, {ask, `{"targetId":null}`, false},
	} {
		want := fmt.Sprintf(`{"consoleAuthorizationEnabled":%v,"scope":"ACCOUNT","targetId":"111122223333"}`, step.enabled)
		if got := a.call(t, step.path, step.body); got.Status != 200 || got.Body != want {
			t.Errorf("%s %s = %d %s, want %s", step.path, step.body, got.Status, got.Body, want)
		}
	}
	got := a.call(t, remove, `{"statementId":"`+id+`","clientToken":"c"}`)
	if got.Status != 200 || got.Body != "" || got.Header.Get("Content-Type") != "" || got.Header.Get("Content-Length") != "0" {
		t.Errorf("delete = %d %q %v, want an empty body and no content type", got.Status, got.Body, got.Header)
	}
	a.call(t, remove, `{"statementId":"`+id+`","clientToken":"c"}`).want(t, "deleted again", 404, "RESOURCE_NOT_FOUND")
	a.call(t, policy, "").want(t, "no policy any more", 404, "RESOURCE_NOT_FOUND")
}

// Each member at its edge and one past it, of another type, spelled otherwise, and of another operation.
func TestMembersAreHeldToTheirLimits(t *testing.T) {
	a := newAdmin(t, testkit.Start(t))
	good := map[string]string{
		put: `"sourceIp":"203.0.113.0/24"`, remove: `"statementId":"` + strings.Repeat("A", 64) + `"`, list: ``, policy: ``, on: ``, ask: ``, off: ``,
		create: `"identityCenterInstanceArn":"` + instance + `"`, find: `"identityCenterInstanceArn":"` + instance + `"`,
	}
	role := "arn:aws:iam::111122223333:role/"
	vpc := func(more string) string { return `"requestedRegion":"us-east-1",` + more }
	quoted := func(name, value string) string { return `"` + name + `":"` + value + `"` }
	for _, tt := range []struct {
		path, members string
		ok            bool // 200, or 404 of what is not there
	}{
		{put, good[put], true},
		{put, vpc(quoted("sourceVpc", "vpc-0123abcd")), true},
		{put, vpc(quoted("sourceVpc", "vpc-0123456789abcdef0")), true},
		{put, vpc(quoted("sourceVpc", "vpc-0123abcde")), false},
		{put, vpc(quoted("sourceVpc", "vpc-0123456789abcdef01")), false},
		{put, vpc(quoted("sourceVpc", "vpc-0123456789abcdef")), false},
		{put, vpc(quoted("sourceVpc", "vpc-0123ABCD")), false},
		{put, vpc(quoted("signinSourceVpce", "vpce-0123abcz")), true},
		{put, vpc(quoted("signinSourceVpce", "vpce-"+strings.Repeat("a", 20))), true},
		{put, vpc(quoted("signinSourceVpce", "vpce-"+strings.Repeat("a", 21))), false},
		{put, vpc(quoted("signinSourceVpce", "vpce-0123abc")), false},
		{put, vpc(quoted("consoleSourceVpce", "vpce-0123abcz")), true},
		{put, vpc(quoted("consoleSourceVpce", "vpce-"+strings.Repeat("a", 20))), true},
		{put, vpc(quoted("consoleSourceVpce", "vpce-"+strings.Repeat("a", 21))), false},
		{put, vpc(quoted("consoleSourceVpce", "vpce-0123abc")), false},
		{put, vpc(quoted("sourceVpc", "vpc-0123abcd")) + `,"vpcSourceIp":"10.0.0.0/32"`, true},
		{put, vpc(quoted("sourceVpc", "vpc-0123abcd")) + `,"vpcSourceIp":"10.0.0.0/33"`, false},
		{put, vpc(quoted("sourceVpc", "vpc-0123abcd")) + `,"vpcSourceIp":""`, false},
		{put, quoted("sourceVpc", "vpc-0123abcd"), false},
		{put, quoted("sourceVpc", "vpc-0123abcd") + `,"requestedRegion":"us-east-2"`, false},
		{put, quoted("sourceVpc", "vpc-0123abcd") + `,"requestedRegion":"us-east"`, false},
		{put, quoted("sourceVpc", "vpc-0123abcd") + `,"requestedRegion":"US-EAST-1"`, false},
		{put, quoted("requestedRegion", "us-east-1"), false},
		{put, quoted("sourceIp", "203.0.113.0/32"), true},
		{put, quoted("sourceIp", "203.0.113.0/33"), false},
		{put, quoted("sourceIp", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"), true},
		{put, quoted("sourceIp", ""), false},
		{put, quoted("sourceIp", strings.Repeat("1", 65)), false},
		{put, good[put] + "," + quoted("excludedPrincipal", role+"r"), true},
		{put, good[put] + "," + quoted("excludedPrincipal", role+strings.Repeat("r", 64)), true},
		{put, good[put] + "," + quoted("excludedPrincipal", role+strings.Repeat("r", 65)), false},
		{put, good[put] + "," + quoted("excludedPrincipal", role), false},
		{put, good[put] + "," + quoted("excludedPrincipal", "arn:aws:iam::1:role"), false},
		{put, good[put] + "," + quoted("excludedPrincipal", strings.Repeat("r", 2049)), false},
		{put, good[put] + "," + quoted("clientToken", "!"), true},
		{put, good[put] + "," + quoted("clientToken", strings.Repeat("~", 64)), true},
		{put, good[put] + "," + quoted("clientToken", strings.Repeat("~", 65)), false},
		{put, good[put] + "," + quoted("clientToken", ""), false},
		{put, good[put] + "," + quoted("clientToken", "a b"), false},
		{put, good[put] + "," + quoted("clientToken", "é"), false},
		{put, ``, false},
		{put, quoted("excludedPrincipal", role+"r"), false},

		{remove, good[remove], true},
		{remove, quoted("statementId", strings.Repeat("/", 64)+"="), true},
		{remove, quoted("statementId", strings.Repeat("A", 63)), false},
		{remove, quoted("statementId", strings.Repeat("A", 65)), false},
		{remove, quoted("statementId", strings.Repeat("A", 64)+"=="), false},
		{remove, quoted("statementId", strings.Repeat("-", 64)), false},
		{remove, good[remove] + "," + quoted("clientToken", strings.Repeat("~", 64)), true},
		{remove, good[remove] + "," + quoted("clientToken", strings.Repeat("~", 65)), false},
		{remove, ``, false},

		{list, `"maxResults":1`, true}, {list, `"maxResults":100`, true}, {list, `"maxResults":0`, false}, {list, `"maxResults":101`, false},
		{list, `"maxResults":"1"`, false}, {list, `"maxResults":1.5`, false},
		{list, `"nextToken":""`, true}, {list, quoted("nextToken", strings.Repeat("a", 2048)), false}, {list, quoted("nextToken", strings.Repeat("a", 2049)), false},
		{list, `"nextToken":"a b"`, false}, {list, `"nextToken":7`, false},

		{ask, quoted("targetId", "111122223333"), true}, {ask, quoted("targetId", "11112222333"), false}, {ask, quoted("targetId", "1111222233334"), false},
		{ask, quoted("targetId", "r-"+strings.Repeat("a", 33)), false}, {ask, quoted("targetId", "o-ABCDEFGHIJ"), false}, {ask, `"targetId":111122223333`, false},
		{on, quoted("targetId", "1"), false}, {off, quoted("targetId", "1"), false},
		{ask, quoted("targetId", "o-abcdefghij"), true}, {ask, quoted("targetId", "r-"+strings.Repeat("a", 30)), true}, {ask, quoted("targetId", "r-abcd"), true},

		{create, quoted("identityCenterInstanceArn", "arn:aws-us-gov:sso:::instance/ins-"+strings.Repeat(".", 16)), true},
		{create, quoted("identityCenterInstanceArn", instance+"0"), false}, {create, quoted("identityCenterInstanceArn", instance[:len(instance)-1]), false},
		{create, quoted("identityCenterInstanceArn", "arn:aws:sso:::"), false}, {create, ``, false},
		{find, `"maxResults":1,` + good[find], true}, {find, `"maxResults":2,` + good[find], false}, {find, `"maxResults":0,` + good[find], false},
		{find, `"nextToken":"",` + good[find], true}, {find, `"nextToken":"abc",` + good[find], false}, {find, ``, false},
	} {
		got := a.call(t, tt.path, "{"+tt.members+"}")
		if ok := got.Status == 200 || got.Status == 404; ok != tt.ok || !ok && got.Error != "INVALID_REQUEST" {
			t.Errorf("%s {%s} = %d %s, want good %v", tt.path, tt.members, got.Status, got.Body, tt.ok)
		}
	}
	owner := map[string][]string{
		"clientToken": {put, remove}, "sourceIp": {put}, "sourceVpc": {put}, "signinSourceVpce": {put}, "consoleSourceVpce": {put}, "vpcSourceIp": {put},
		"requestedRegion": {put}, "excludedPrincipal": {put}, "statementId": {remove}, "maxResults": {list, find}, "nextToken": {list, find},
		"targetId": {on, ask, off}, "identityCenterInstanceArn": {create, find}, "grant_type": nil, "refreshToken": nil,
	}
	for path, members := range good {
		for member, owners := range owner {
			foreign, wrong := `"`+member+`":"x"`, `"`+strings.ToUpper(member[:1])+member[1:]+`":"x"`
			if slices.Contains(owners, path) {
				foreign = `"` + strings.ToLower(member) + `":"x"`
			} else {
				wrong = foreign
			}
			for _, m := range []string{foreign, wrong} {
				body := "{" + strings.Trim(members+","+m, ",") + "}"
				a.call(t, path, body).want(t, path+" "+body, 400, "INVALID_REQUEST")
			}
		}
		for _, body := range []string{"[" + "]", "{" + members + "} {}", `{"x":1,"x":2}`, "{", "null"} {
			if got := a.call(t, path, body); got.Status != 400 {
				t.Errorf("%s %s = %d, want 400", path, body, got.Status)
			}
		}
		form := httptest.NewRequest(http.MethodPost, a.s.Base+path, strings.NewReader("a=b"))
		form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a.keys.Sign(form, []byte("a=b"), a.s.Scope("signin"))
		if got := read(t, a.s.Do(form)); got.Status != http.StatusUnsupportedMediaType {
			t.Errorf("%s as a form = %d, want 415", path, got.Status)
		}
		a.call(t, path+"?x=y", "{"+members+"}").want(t, path+" with a query", 400, "INVALID_REQUEST")
	}
}

// Every operation takes only requests whose caller is proved. The rest of the attack is in the driver.
func TestUnprovenCallersAreRefused(t *testing.T) {
	for path, body := range map[string]string{
		put: `{"sourceIp":"203.0.113.7"}`, list: `{}`, policy: ``, on: `{}`, ask: `{}`, off: `{}`, remove: "",
		create: `{"identityCenterInstanceArn":"` + instance + `"}`, find: `{"identityCenterInstanceArn":"` + instance + `"}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAdmin(t, testkit.Start(t))
			id := a.put(t, `{"sourceIp":"203.0.113.7"}`)
			if path == remove {
				body = `{"statementId":"` + id + `"}`
			}
			a.s.RefusesUnprovenCallers(t, testkit.SignedCall{Path: path, Body: body}, a.keys)
		})
	}
}

// A presigned URL signs no body, so the operation that has none can be asked by one.
func TestSignatureMayBeInTheQuery(t *testing.T) {
	a := newAdmin(t, testkit.Start(t))
	a.put(t, `{"sourceIp":"203.0.113.7"}`)
	r := httptest.NewRequest(http.MethodPost, a.s.Base+policy, nil)
	a.keys.Presign(r, a.s.Scope("signin"), time.Minute)
	if got := read(t, a.s.Do(r)); got.Status != 200 {
		t.Errorf("presigned = %d %s", got.Status, got.Body)
	}
}

// Each operation has an action of its own, and nothing else lets it through. It is the policy of the service user, or of the
// role whose session signed.
func TestEachOperationNeedsItsAction(t *testing.T) {
	synctest.Test(t, eachOperationNeedsItsAction)
}

func eachOperationNeedsItsAction(t *testing.T) {
	s := testkit.Start(t)
	actions := map[string]string{
		put: "PutResourcePermissionStatement", remove: "DeleteResourcePermissionStatement", list: "ListResourcePermissionStatements", policy: "GetResourcePolicy",
		on: "PutConsoleAuthorizationConfiguration", ask: "GetConsoleAuthorizationConfiguration", off: "DeleteConsoleAuthorizationConfiguration",
		create: "CreateTrustedIdentityPropagationApplicationForConsole", find: "ListTrustedIdentityPropagationApplicationsForConsole",
	}
	body := map[string]string{
		put: `{"sourceIp":"203.0.113.7"}`, remove: `{"statementId":"` + strings.Repeat("A", 64) + `"}`, list: `{}`, policy: ``, on: `{}`, ask: `{}`, off: `{}`,
		create: `{"identityCenterInstanceArn":"` + instance + `"}`, find: `{"identityCenterInstanceArn":"` + instance + `"}`,
	}
	callers := map[string]admin{}
	for path, action := range actions {
		document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"signin:` + action + `","Resource":"*"}]}`
		callers[path] = admin{s, s.AccessKey(t, s.ServiceUser(t, "robot-"+action[:12]+action[len(action)-12:], document))}
	}
	person := admin{s, s.Client().Login(t).Credentials()} // their role allows to sign in, and nothing here
	for path := range actions {
		for of, a := range callers {
			got := a.call(t, path, body[path])
			if allowed := got.Status != 403; allowed != (of == path) {
				t.Errorf("%s by somebody who may %s = %d %s", path, actions[of], got.Status, got.Body)
			}
			if of != path && !strings.Contains(got.Message, "signin:"+actions[path]) {
				t.Errorf("%s: message %q does not name the action", path, got.Message)
			}
		}
		person.call(t, path, body[path]).want(t, path+" by a person", 403, "INSUFFICIENT_PERMISSIONS")
	}
	callers[off].call(t, off, body[off]) // whatever came last above, or the person might be kept out
	now := time.Now()
	must(t, s.Store.SetRolePolicy(t.Context(), s.Role.ID, everything, false, now, now))
	time.Sleep(time.Second) // as long as policies are believed
	// Their session ended with the change; that of the next login may.
	if got := (admin{s, s.Client().Login(t).Credentials()}).call(t, list, "{}"); got.Status != 200 {
		t.Errorf("list by a person whose role allows everything = %d %s", got.Status, got.Body)
	}
}

// Attack: work on an account that is not one's own.
func TestAccountsAreApart(t *testing.T) {
	s := testkit.Start(t)
	a, b := newAdmin(t, s), stranger(t, s)
	id := a.put(t, `{"sourceIp":"203.0.113.7","clientToken":"one"}`)
	second := a.put(t, `{"sourceIp":"203.0.113.8"}`)
	a.call(t, on, "")
	app := a.call(t, create, `{"identityCenterInstanceArn":"`+instance+`"}`).ApplicationARN

	b.call(t, remove, `{"statementId":"`+id+`"}`).want(t, "delete of a foreign statement", 404, "RESOURCE_NOT_FOUND")
	b.call(t, policy, "").want(t, "foreign policy", 404, "RESOURCE_NOT_FOUND")
	if got := b.call(t, list, ""); len(got.Statements) != 0 {
		t.Errorf("list shows foreign statements: %s", got.Body)
	}
	if got := b.call(t, ask, ""); !strings.Contains(got.Body, `"consoleAuthorizationEnabled":false`) || !strings.Contains(got.Body, other) {
		t.Errorf("console authorization = %s", got.Body)
	}
	for _, path := range []string{on, ask, off} {
		b.call(t, path, `{"targetId":"111122223333"}`).want(t, path+" of another account", 403, "INSUFFICIENT_PERMISSIONS")
		b.call(t, path, `{"targetId":"999999999999"}`).want(t, path+" of an account that is not", 403, "INSUFFICIENT_PERMISSIONS")
		b.call(t, path, `{"targetId":"o-abcdefghij"}`).want(t, path+" of an organization", 404, "RESOURCE_NOT_FOUND")
		b.call(t, path, `{"targetId":"r-abcd"}`).want(t, path+" of a root", 404, "RESOURCE_NOT_FOUND")
	}
	if got := b.call(t, find, `{"identityCenterInstanceArn":"`+instance+`"}`); len(got.ApplicationARNs) != 0 {
		t.Errorf("applications of another account: %s", got.Body)
	}
	if got := b.call(t, create, `{"identityCenterInstanceArn":"`+instance+`"}`).ApplicationARN; got == app || !strings.Contains(got, other) {
		t.Errorf("application = %s, that of the other account is %s", got, app)
	}
	if mine := b.put(t, `{"sourceIp":"203.0.113.9","clientToken":"one"}`); mine == id {
		t.Error("a clientToken reached into another account")
	}

	next := a.call(t, list, `{"maxResults":1}`).NextToken
	b.call(t, list, `{"nextToken":"`+next+`"}`).want(t, "a page of another account", 400, "INVALID_REQUEST")
	altered := []byte(next)
	altered[len(altered)-3] ^= 1
	a.call(t, list, `{"nextToken":"`+string(altered)+`"}`).want(t, "an altered page", 400, "INVALID_REQUEST")
	if got := a.call(t, list, `{"nextToken":"`+next+`"}`); len(got.Statements) != 1 || got.Statements[0].SID != second || got.NextToken != "" {
		t.Errorf("second page = %s, want statement %s and no further page", got.Body, second)
	}
}

// A statement that is there all the while is on one page, whatever is put and deleted between pages.
func TestPagesHoldUnderConcurrentWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdmin(t, testkit.Start(t))
		var stay, go_ []string
		for i := range 20 {
			id := a.put(t, fmt.Sprintf(`{"sourceIp":"203.0.113.%d"}`, i))
			if i%3 == 0 {
				go_ = append(go_, id)
			} else {
				stay = append(stay, id)
			}
			time.Sleep(time.Millisecond)
		}
		seen, body := map[string]int{}, `{"maxResults":3}`
		var order []string
		for i := 0; ; i++ {
			got := a.call(t, list, body)
			if got.Status != 200 || len(got.Statements) > 3 {
				t.Fatalf("page %d = %d %s", i, got.Status, got.Body)
			}
			for _, s := range got.Statements {
				seen[s.SID]++
				order = append(order, s.SID)
			}
			if got.NextToken == "" {
				break
			}
			body = `{"maxResults":3,"nextToken":"` + got.NextToken + `"}`
			a.put(t, fmt.Sprintf(`{"sourceIp":"198.51.100.%d"}`, i))
			if i < len(go_) {
				a.call(t, remove, `{"statementId":"`+go_[i]+`"}`)
			}
			time.Sleep(time.Millisecond)
		}
		for _, id := range stay {
			if seen[id] != 1 {
				t.Errorf("a statement that stayed was listed %d times", seen[id])
			}
		}
		if !slices.IsSorted(order) {
			t.Error("pages are not in the order of ids")
		}
	})
}

// Clients send a request again when the answer was lost.
func TestSameRequestWithItsTokenIsDoneOnce(t *testing.T) {
	a := newAdmin(t, testkit.Start(t))
	const body = `{"sourceIp":"203.0.113.7","clientToken":"token-1"}`
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() { ids[i] = a.call(t, put, body).StatementID })
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("statements of one token: %q", ids)
		}
	}
	if got := a.call(t, put, `{"clientToken":"token-1","sourceIp":"203.0.113.7"}`); got.StatementID != ids[0] {
		t.Errorf("members in another order = %d %s", got.Status, got.Body)
	}
	a.call(t, put, `{"sourceIp":"203.0.113.8","clientToken":"token-1"}`).want(t, "another statement", 409, "CONFLICT")
	if got := a.put(t, `{"sourceIp":"203.0.113.7","clientToken":"token-2"}`); got == ids[0] {
		t.Error("another token got the same statement")
	}
	if got := a.call(t, list, ""); len(got.Statements) != 2 {
		t.Errorf("%d statements, want 2", len(got.Statements))
	}
}

func TestQuotaHoldsUnderRaces(t *testing.T) {
	a := newAdmin(t, testkit.Start(t))
	for i := range perimeter.Quota - 3 {
		a.put(t, fmt.Sprintf(`{"sourceIp":"10.0.%d.0/24"}`, i))
	}
	statuses := make([]int, 10)
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() { statuses[i] = a.call(t, put, fmt.Sprintf(`{"sourceIp":"10.1.%d.0/24"}`, i)).Status })
	}
	wg.Wait()
	slices.Sort(statuses)
	if want := []int{200, 200, 200, 402, 402, 402, 402, 402, 402, 402}; !slices.Equal(statuses, want) {
		t.Errorf("statuses at the quota = %v, want %v", statuses, want)
	}
	got := a.call(t, put, `{"sourceIp":"10.2.0.0/16"}`)
	got.want(t, "above the quota", 402, "SERVICE_QUOTA_EXCEEDED")
	if all := a.call(t, list, ""); len(all.Statements) != perimeter.Quota || all.NextToken != "" {
		t.Errorf("%d statements, want %d on one page", len(all.Statements), perimeter.Quota)
	}
	a.call(t, remove, `{"statementId":"`+a.call(t, list, `{"maxResults":1}`).Statements[0].SID+`"}`)
	a.put(t, `{"sourceIp":"10.2.0.0/16"}`)
}

// The operations about applications come on paths of their own and as AWS JSON at the root.
func TestApplicationsAreKeptForEachInstance(t *testing.T) {
	s := testkit.Start(t)
	a := newAdmin(t, s)
	target := func(operation, contentType, body string) answer {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, s.Base+"/", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-Amz-Target", operation)
		a.keys.Sign(r, []byte(body), s.Scope("signin"))
		return read(t, s.Do(r))
	}
	body := `{"identityCenterInstanceArn":"` + instance + `"}`
	if got := a.call(t, find, body); got.Body != `{"applicationArns":[]}` {
		t.Errorf("no application yet = %d %s", got.Status, got.Body)
	}
	arns := map[string]bool{}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range 4 {
		wg.Go(func() {
			arn := a.call(t, create, body).ApplicationARN
			mu.Lock()
			arns[arn] = true
			mu.Unlock()
		})
	}
	wg.Wait()
	arn := slices.Collect(maps.Keys(arns))[0]
	if len(arns) != 1 || !regexp.MustCompile(`^arn:aws:sso::111122223333:application/ssoins-1234567890abcdef/apl-[0-9a-f]{16}$`).MatchString(arn) {
		t.Errorf("applications of one instance: %v", arns)
	}
	for _, contentType := range []string{"application/x-amz-json-1.1", "application/x-amz-json-1.0", "application/json"} {
		if got := target("AWSSigninControlPlane.CreateTrustedIdentityPropagationApplicationForConsole", contentType, body); got.ApplicationARN != arn {
			t.Errorf("created again as %s = %d %s, want %s", contentType, got.Status, got.Body, arn)
		}
	}
	if got := target("x.ListTrustedIdentityPropagationApplicationsForConsole", "application/x-amz-json-1.1", body); got.Status != 200 || !slices.Equal(got.ApplicationARNs, []string{arn}) {
		t.Errorf("list = %d %s", got.Status, got.Body)
	}
	if got := a.call(t, create, strings.Replace(body, "ssoins-1", "ins-2", 1)).ApplicationARN; got == arn || !strings.Contains(got, "/ins-2") {
		t.Errorf("another instance has %s", got)
	}
	for _, operation := range []string{
		"PutResourcePermissionStatement", "x.PutResourcePermissionStatement", "CreateTrustedIdentityPropagationApplicationForConsole",
		"x.CreateTrustedIdentityPropagationApplicationForConsole.y", "x.createTrustedIdentityPropagationApplicationForConsole", "x.",
	} {
		target(operation, "application/x-amz-json-1.1", body).want(t, operation, 400, "INVALID_REQUEST")
	}
	// On its own path, the content types of the protocol that names its operation elsewhere are as good.
	r := httptest.NewRequest(http.MethodPost, s.Base+put, strings.NewReader(`{"sourceIp":"203.0.113.7"}`))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	a.keys.Sign(r, []byte(`{"sourceIp":"203.0.113.7"}`), s.Scope("signin"))
	if got := read(t, s.Do(r)); got.Status != http.StatusUnsupportedMediaType {
		t.Errorf("put as AWS JSON = %d, want 415", got.Status)
	}
	if w := s.Do(httptest.NewRequest(http.MethodGet, s.Base+"/", nil)); w.Code != 200 || !strings.Contains(w.Body.String(), "<html") {
		t.Errorf("GET / = %d, want the page", w.Code)
	}
}

// Every change is in the audit trail with who made it, however many come in a minute.
func TestChangesAreInTheAuditTrail(t *testing.T) {
	s := testkit.Start(t)
	a := newAdmin(t, s)
	first := a.put(t, `{"sourceIp":"203.0.113.7","clientToken":"t"}`)
	a.put(t, `{"sourceIp":"203.0.113.7","clientToken":"t"}`) // nothing changed
	second := a.put(t, `{"sourceIp":"203.0.113.8"}`)
	a.call(t, remove, `{"statementId":"`+first+`"}`)
	a.call(t, remove, `{"statementId":"`+first+`"}`)
	for _, path := range []string{on, on, off, off, list, policy, ask} {
		a.call(t, path, "")
	}
	for range 2 {
		a.call(t, create, `{"identityCenterInstanceArn":"`+instance+`"}`)
	}
	s.Server.Close() // keeps what waits
	events, err := s.Store.AuditEvents(t.Context(), store.AuditQuery{Limit: 100})
	must(t, err)
	var got []string
	for _, e := range slices.Backward(events) {
		if e.Principal != "arn:aws:iam::111122223333:user/admin" || e.Request == "" || e.Remote != "127.0.0.1" || !strings.Contains(e.Detail, testkit.Account) {
			t.Errorf("event lacks who, from where or what: %+v", e)
		}
		got = append(got, e.Kind)
		switch e.Kind {
		case audit.StatementPut:
			if !strings.Contains(e.Detail, "203.0.113.") || !strings.Contains(e.Detail, first) && !strings.Contains(e.Detail, second) {
				t.Errorf("detail %q does not say what was put", e.Detail)
			}
		}
	}
	slices.Sort(got)
	want := []string{audit.ApplicationAdded, audit.PerimeterOff, audit.PerimeterOn, audit.StatementDeleted, audit.StatementPut, audit.StatementPut}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// FuzzRequest brings foreign bodies to every operation. Whatever is refused is a refusal, and nothing fails.
func FuzzRequest(f *testing.F) {
	s := testkit.Start(f)
	a := newAdmin(f, s)
	paths := []string{put, remove, list, policy, on, ask, off, create, find}
	for i, body := range []string{`{"sourceIp":"203.0.113.0/24","clientToken":"t"}`, `{"statementId":"` + strings.Repeat("A", 64) + `"}`, `{"maxResults":1,"nextToken":"x"}`, ``, `{"targetId":"111122223333"}`} {
		f.Add(i, body)
	}
	f.Add(7, `{"identityCenterInstanceArn":"`+instance+`"}`)
	f.Fuzz(func(t *testing.T, i int, body string) {
		path := paths[uint(i)%uint(len(paths))]
		if got := a.call(t, path, body); got.Status >= 500 {
			t.Errorf("%s %q = %d %s", path, body, got.Status, got.Body)
		}
	})
}

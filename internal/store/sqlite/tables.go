package sqlite

import (
	"strings"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// table is where the records of a part are kept. The columns are in the order of store.Record.Fields.
type table struct {
	name    string
	key     []string
	columns []string // the others
	scan    func(scanner) (any, error)
}

func tableOf(p store.Part) table {
	id := []string{"id"}
	switch p {
	case store.PartAccounts:
		return table{"account", id, words("name created_ms"), anything(scanAccount)}
	case store.PartPeople:
		return table{"person", id, words("name password_hash disabled created_ms password_changed_ms"), anything(scanPerson)}
	case store.PartRoles:
		return table{"role", id, words("account name policy created_ms"), anything(scanRole)}
	case store.PartAssignments:
		return table{"assignment", words("person role"), nil, anything(scanAssigned)}
	case store.PartServiceUsers:
		return table{"service_user", id, words("account name policy created_ms"), anything(scanServiceUser)}
	case store.PartAccessKeys:
		return table{"access_key", id, words("service_user ring_key disabled created_ms"), anything(scanAccessKey)}
	case store.PartClients:
		return table{"client", id, words("name principal"), anything(scanBareClient)}
	case store.PartRedirects:
		return table{"client_redirect", words("client position"), words("uri"), anything(scanRedirect)}
	case store.PartRingKeys:
		return table{"ring_key", id, words("purpose created_ms use_from_ms expires_ms wrapped public_id"), anything(scanRingKey)}
	case store.PartNotices:
		return table{"notice", words("seq"), words("reason subject at_ms expires_ms"), anything(scanNotice)}
	case store.PartSessions:
		return table{"session", id, words("end_ms start_ms issued_ms auth_ms proof_key client account role role_id person person_id methods as_of"),
			anything(scanSession)}
	case store.PartSteps:
		return table{"session_step", words("session"), words("step end_ms"), anything(scanStep)}
	case store.PartGroups:
		return table{"person_group", id, words("name created_ms"), anything(scanGroup)}
	case store.PartMembers:
		return table{"group_member", words("person_group person"), nil, anything(scanMember)}
	case store.PartManagedPolicies:
		return table{"managed_policy", words("arn"), words("account document created_ms"), anything(scanManagedPolicy)}
	case store.PartAttachments:
		return table{"policy_attachment", words("kind target policy"), nil, anything(scanAttachment)}
	case store.PartResources:
		return table{"resource", words("account identifier"), words("service created_ms"), anything(scanResource)}
	case store.PartTrustedIssuers:
		return table{"trusted_issuer", id, words("account issuer audience rules created_ms"), anything(scanTrustedIssuer)}
	case store.PartDynamicClients:
		return table{"dynamic_client", id, words("metadata created_ms expires_ms"), anything(scanDynamicClient)}
	case store.PartGenerations:
		return table{"session_generation", words("session"), words("generation at_ms request end_ms"), anything(scanGeneration)}
	case store.PartStatements:
		return table{"permission_statement", words("account id"), words("statement client_token request created_ms"), anything(scanStatement)}
	case store.PartConsoleAuthorizations:
		return table{"console_authorization", words("account"), words("created_ms"), anything(scanAuthorization)}
	case store.PartApplications:
		return table{"propagation_application", words("account instance"), words("arn created_ms"), anything(scanApplication)}
	}
	return table{"audit_event", id, words("at_ms kind request session client principal person remote detail"), anything(scanEvent)}
}

func words(list string) []string { return strings.Fields(list) }

// anything returns scan as one for records of any part.
func anything[T any](scan func(scanner) (T, error)) func(scanner) (any, error) {
	return func(row scanner) (any, error) { return scan(row) }
}

func scanAssigned(row scanner) (a store.Assigned, err error) {
	err = row.Scan(&a.PersonID, &a.RoleID)
	return a, err
}

func scanMember(row scanner) (m store.Member, err error) {
	err = row.Scan(&m.GroupID, &m.PersonID)
	return m, err
}

func scanAttachment(row scanner) (a store.Attachment, err error) {
	err = row.Scan(&a.Target.Kind, &a.Target.ID, &a.Policy)
	return a, err
}

func scanAccessKey(row scanner) (k store.AccessKey, err error) {
	err = row.Scan(&k.ID, &k.User, &k.RingKey, &k.Disabled, instant{&k.Created})
	return k, err
}

func scanBareClient(row scanner) (c signin.Client, err error) {
	c.Class = signin.Confidential
	err = row.Scan(&c.ID, &c.Name, &c.Principal)
	return c, err
}

func scanRedirect(row scanner) (r store.Redirect, err error) {
	err = row.Scan(&r.Client, &r.Position, &r.URI)
	return r, err
}

func scanStep(row scanner) (r store.StepReport, err error) {
	err = row.Scan(fixed(r.Session[:]), &r.Step, instant{&r.End})
	return r, err
}

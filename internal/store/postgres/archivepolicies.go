package postgres

import "github.com/latchkey-id/latchkey/internal/store"

// archivedPolicies returns how groups and policies are kept, and false for other parts.
func archivedPolicies(p store.Part) (archived, bool) {
	switch p {
	case store.PartGroups:
		return archived{
			`SELECT id, name, created_ms FROM person_group ORDER BY convert_to(id, 'UTF8')`,
			`INSERT INTO person_group (id, name, created_ms) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, created_ms = excluded.created_ms`,
			`DELETE FROM person_group WHERE id = $1`, anything(scanGroup)}, true
	case store.PartMembers:
		return archived{
			`SELECT person_group, person FROM group_member ORDER BY convert_to(person_group, 'UTF8'), convert_to(person, 'UTF8')`,
			`INSERT INTO group_member (person_group, person) VALUES ($1, $2) ON CONFLICT (person_group, person) DO NOTHING`,
			`DELETE FROM group_member WHERE person_group = $1 AND person = $2`, anything(scanMember)}, true
	case store.PartManagedPolicies:
		return archived{
			`SELECT arn, account, document, created_ms FROM managed_policy ORDER BY convert_to(arn, 'UTF8')`,
			`INSERT INTO managed_policy (arn, account, document, created_ms) VALUES ($1, $2, $3, $4)
			ON CONFLICT (arn) DO UPDATE SET account = excluded.account, document = excluded.document, created_ms = excluded.created_ms`,
			`DELETE FROM managed_policy WHERE arn = $1`, anything(scanManagedPolicy)}, true
	case store.PartAttachments:
		return archived{
			`SELECT kind, target, policy FROM policy_attachment
			ORDER BY convert_to(kind, 'UTF8'), convert_to(target, 'UTF8'), convert_to(policy, 'UTF8')`,
			`INSERT INTO policy_attachment (kind, target, policy) VALUES ($1, $2, $3) ON CONFLICT (kind, target, policy) DO NOTHING`,
			`DELETE FROM policy_attachment WHERE kind = $1 AND target = $2 AND policy = $3`, anything(scanAttachment)}, true
	}
	return archived{}, false
}

func scanMember(row scanner) (m store.Member, err error) {
	err = row.Scan(&m.GroupID, &m.PersonID)
	return m, err
}

func scanAttachment(row scanner) (a store.Attachment, err error) {
	err = row.Scan(&a.Target.Kind, &a.Target.ID, &a.Policy)
	return a, err
}

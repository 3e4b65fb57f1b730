package postgres

import "github.com/latchkey-id/latchkey/internal/store"

// archivedOperations returns how resources, issuers, grants and the perimeter are kept, and false for other parts.
func archivedOperations(p store.Part) (archived, bool) {
	switch p {
	case store.PartResources:
		return archived{
			`SELECT account, identifier, service, created_ms FROM resource ORDER BY convert_to(account, 'UTF8'), convert_to(identifier, 'UTF8')`,
			`INSERT INTO resource (account, identifier, service, created_ms) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account, identifier) DO UPDATE SET service = excluded.service, created_ms = excluded.created_ms`,
			`DELETE FROM resource WHERE account = $1 AND identifier = $2`, anything(scanResource)}, true
	case store.PartTrustedIssuers:
		return archived{
			`SELECT id, account, issuer, audience, rules, created_ms FROM trusted_issuer ORDER BY convert_to(id, 'UTF8')`,
			`INSERT INTO trusted_issuer (id, account, issuer, audience, rules, created_ms) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET account = excluded.account, issuer = excluded.issuer, audience = excluded.audience,
				rules = excluded.rules, created_ms = excluded.created_ms`,
			`DELETE FROM trusted_issuer WHERE id = $1`, anything(scanTrustedIssuer)}, true
	case store.PartDynamicClients:
		return archived{
			`SELECT id, metadata, created_ms, expires_ms FROM dynamic_client ORDER BY id`,
			`INSERT INTO dynamic_client (id, metadata, created_ms, expires_ms) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata, created_ms = excluded.created_ms, expires_ms = excluded.expires_ms`,
			`DELETE FROM dynamic_client WHERE id = $1`, anything(scanDynamicClient)}, true
	case store.PartGenerations:
		return archived{
			`SELECT session, generation, at_ms, request, end_ms FROM session_generation ORDER BY session`,
			`INSERT INTO session_generation (session, generation, at_ms, request, end_ms) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (session) DO UPDATE SET generation = excluded.generation, at_ms = excluded.at_ms, request = excluded.request,
				end_ms = excluded.end_ms`,
			`DELETE FROM session_generation WHERE session = $1`, anything(scanGeneration)}, true
	case store.PartStatements:
		return archived{
			`SELECT account, id, statement, client_token, request, created_ms FROM permission_statement
			ORDER BY convert_to(account, 'UTF8'), convert_to(id, 'UTF8')`,
			`INSERT INTO permission_statement (account, id, statement, client_token, request, created_ms) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (account, id) DO UPDATE SET statement = excluded.statement, client_token = excluded.client_token,
				request = excluded.request, created_ms = excluded.created_ms`,
			`DELETE FROM permission_statement WHERE account = $1 AND id = $2`, anything(scanStatement)}, true
	case store.PartConsoleAuthorizations:
		return archived{
			`SELECT account, created_ms FROM console_authorization ORDER BY convert_to(account, 'UTF8')`,
			`INSERT INTO console_authorization (account, created_ms) VALUES ($1, $2) ON CONFLICT (account) DO UPDATE SET created_ms = excluded.created_ms`,
			`DELETE FROM console_authorization WHERE account = $1`, anything(scanAuthorization)}, true
	case store.PartApplications:
		return archived{
			`SELECT account, instance, arn, created_ms FROM propagation_application
			ORDER BY convert_to(account, 'UTF8'), convert_to(instance, 'UTF8')`,
			`INSERT INTO propagation_application (account, instance, arn, created_ms) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account, instance) DO UPDATE SET arn = excluded.arn, created_ms = excluded.created_ms`,
			`DELETE FROM propagation_application WHERE account = $1 AND instance = $2`, anything(scanApplication)}, true
	}
	return archived{}, false
}

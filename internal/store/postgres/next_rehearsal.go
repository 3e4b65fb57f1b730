//go:build rehearsal

package postgres

import "github.com/latchkey-id/latchkey/internal/store/schema"

import "os"

// nextScript does what migrations do to tables that older binaries are using: a column more, and a table more.
const nextScript = `
ALTER TABLE session ADD COLUMN rehearsal BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notice ADD COLUMN rehearsal BIGINT NOT NULL DEFAULT 0;
CREATE TABLE rehearsal (id BIGINT NOT NULL PRIMARY KEY);
`

// withNext returns all, and with REHEARSAL_SCHEMA=next one migration more, which makes this binary a newer version. The
// build tag is for the tests of many nodes; no release has it.
func withNext(all []schema.Migration) []schema.Migration {
	if os.Getenv("REHEARSAL_SCHEMA") != "next" {
		return all
	}
	return append(all, schema.Migration{Version: len(all) + 1, Name: "rehearsal", Script: nextScript, WorksWith: len(all)})
}

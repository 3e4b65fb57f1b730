//go:build !rehearsal

package postgres

import "github.com/latchkey-id/latchkey/internal/store/schema"

// withNext returns all: what a binary of this version knows.
func withNext(all []schema.Migration) []schema.Migration { return all }

package keyring

import (
	"context"
	"fmt"

	"github.com/latchkey-id/latchkey/internal/store"
)

// Check returns nil when root opens every key of rows, and changes nothing. ErrWrongRoot: it is not the root key of one of
// them. It is for a ring that lies somewhere else than in the database of a server.
func Check(ctx context.Context, rows []store.RingKey, root *Root) error {
	ctx, cancel := context.WithTimeout(ctx, askAtMost)
	defer cancel()
	for _, row := range rows {
		if _, err := root.unwrap(ctx, labelOf(row), row.Wrapped); err != nil {
			return fmt.Errorf("check the key ring: %w", err)
		}
	}
	return nil
}

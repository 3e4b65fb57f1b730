package perimeter

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/latchkey-id/latchkey/internal/store"
)

const (
	// Quota is how many permission statements an account may have. All of them are in the memory of every node.
	Quota = 100
	// TellFor is how long the notice of a change is kept. Whoever was deaf for longer has loaded everything since.
	TellFor = 24 * time.Hour
)

// Keep returns s, which was checked, as a new statement of account that the store keeps. clientToken is that of the request;
// empty: none.
func (s Statement) Keep(account, clientToken string, now time.Time) store.PermissionStatement {
	document := s.Document()
	return store.PermissionStatement{
		Account: account, ID: newID(now), Statement: document, ClientToken: clientToken,
		Request: sha256.Sum256([]byte(document)), Created: now.Truncate(time.Millisecond),
	}
}

// newID returns a statement id that ascends with time as bytes: twelve hexadecimal digits of milliseconds, and 39 random bytes
// in base64, 64 characters in all.
func newID(now time.Time) string {
	var random [39]byte
	rand.Read(random[:])
	return fmt.Sprintf("%012x", now.UnixMilli()) + base64.StdEncoding.EncodeToString(random[:])
}

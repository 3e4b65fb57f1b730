package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// ErrReused: a refresh token of an earlier generation was brought.
var ErrReused = errors.New("refresh token was used before")

// DynamicClient is a client that registered itself (CreateOAuth2PublicClient).
type DynamicClient struct {
	ID signin.SessionID // a UUID whose first bytes are the time of registration
	// Metadata is a JSON document of package clients: name, redirect URIs, grant types. The store does not look into it.
	Metadata string
	Created  time.Time
	Expires  time.Time
}

// Advance is a refresh token of a dynamic client's session that is brought to get the next one.
type Advance struct {
	Session signin.SessionID
	From    int64             // the generation of the token that is brought; 0 is that of the redemption
	Request [sha256.Size]byte // of the request, to know an identical retry by
	End     time.Time         // of the session; what is kept may be forgotten after it
	Grace   time.Duration     // how long an identical retry gets the same answer
}

// Generation is how far the refresh tokens of a session got.
type Generation struct {
	Session    signin.SessionID
	Generation int64
	At         time.Time         // when it began
	Request    [sha256.Size]byte // of the request that it was made for
	End        time.Time
}

// Grants keeps what strict rotation needs: clients that registered themselves, and the generation of each of their
// sessions. A session is redeemed as all are, by Sessions.RedeemCode, and is then in generation 0.
type Grants interface {
	// RegisterClient keeps a client. ErrExists: the id is taken.
	RegisterClient(ctx context.Context, c DynamicClient) error
	// DynamicClientByID: ErrNotFound when it never was, or was swept. One that has expired may still be returned.
	DynamicClientByID(ctx context.Context, id signin.SessionID) (DynamicClient, error)
	// DynamicClients returns at most limit clients whose id is below before, by descending id, which is newest first. A zero
	// before: all.
	DynamicClients(ctx context.Context, before signin.SessionID, limit int) ([]DynamicClient, error)
	// CountDynamicClients returns how many there are, and at most most: it counts no further.
	CountDynamicClients(ctx context.Context, most int) (int, error)
	// RemoveDynamicClient forgets a client, and announces signin.RemovedClient about it in the same transaction, which ends
	// what it was given. ErrNotFound: it is not there.
	RemoveDynamicClient(ctx context.Context, id signin.SessionID, at, noticeExpires time.Time) error

	// AdvanceGeneration moves the session from the generation a.From to the next, which begins at now, and returns when that
	// began. One caller at most advances from a generation. Where the session is in the next generation already, was brought
	// there by the same request, and that was at most a.Grace before now, it returns when it was, and nothing changes: the
	// answer was lost. In every other case it returns ErrReused and nothing changes. began is in milliseconds, UTC.
	AdvanceGeneration(ctx context.Context, a Advance, now time.Time) (began time.Time, err error)
	// GenerationOf returns the generation that the session is in: 0 where it never advanced.
	GenerationOf(ctx context.Context, id signin.SessionID) (int64, error)
}

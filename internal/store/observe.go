package store

import (
	"context"
	"time"
)

// Observer hears of every operation of a driver once it is over, for metrics. operation is the method's name in the form
// "redeem_code", or "commit" for the transaction that several writes shared; took is how long the caller waited; err is
// what the caller got. ctx is the caller's, for a trace; that of a "commit" is nobody's.
//
// It is called from many goroutines at once, one of which is the driver's own, so it must be quick and must not call the
// store.
type Observer func(ctx context.Context, operation string, took time.Duration, err error)

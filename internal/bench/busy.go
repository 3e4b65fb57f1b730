package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/load"
)

// errDone ends the load when there is nothing more to measure.
var errDone = errors.New("done")

// busyBatch is how many refreshes are prepared at a time, while those before them are sent.
const busyBatch = 2000

// keepBusy sends requests of the subject's work over that many connections until ctx ends with errDone, and returns the
// rounds. It closes busy once one is complete.
func (s *subject) keepBusy(ctx context.Context, connections int, busy chan<- struct{}) ([]round, error) {
	fleet, err := load.Dial(ctx, s.addresses, connections)
	if err != nil {
		return nil, err
	}
	defer fleet.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	batches := make(chan [][]byte)
	var preparing sync.WaitGroup
	defer preparing.Wait()
	defer cancel(nil)
	preparing.Go(func() {
		for ctx.Err() == nil {
			batch, err := s.work.requests(ctx, busyBatch, time.Now())
			if err != nil {
				cancel(err)
				return
			}
			select {
			case batches <- batch:
			case <-ctx.Done():
			}
		}
	})
	var rounds []round
	for {
		select {
		case batch := <-batches:
			r, err := s.send(ctx, fleet, batch)
			if errors.Is(err, errDone) {
				return rounds, nil
			}
			if err != nil {
				return nil, fmt.Errorf("load: %w", err)
			}
			if rounds = append(rounds, r); len(rounds) == 1 {
				close(busy)
			}
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, errDone) {
				return nil, err
			}
			return rounds, nil
		}
	}
}

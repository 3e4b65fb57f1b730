package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
	"github.com/latchkey-id/latchkey/internal/bench/load"
)

const (
	revocationNodes = 3
	limitHeard      = 2000 // ms until every node refuses a revoked session, for 99 of 100
	// askEvery is how often a node is asked whether it has heard.
	askEvery = 5 * time.Millisecond
	// heardLimit is how long a node may be deaf before the run is given up.
	heardLimit = 20 * time.Second
	// revocationsPerRound makes 200 in a run of ten rounds, so that a hundredth is more than one.
	revocationsPerRound = 20
)

// victim is a session to be revoked.
type victim struct {
	login
	replay []byte // the request that redeems its code once more, which ends the session
}

// measureRevocation lets three nodes refresh as fast as they can, has sessions revoked meanwhile by replaying their codes
// at one node after the other, and takes the time from the sending of the replay until the last of the nodes has refused
// a refresh of the session.
func measureRevocation(ctx context.Context, l *lab, scenario string) (outcome, error) {
	s, codes, err := l.startSubject(ctx, setup{algorithm: floor.ES256, postgres: true, nodes: revocationNodes})
	if err != nil {
		return outcome{}, err
	}
	logins, err := signIn(ctx, s.addresses[0], codes)
	if err != nil {
		return outcome{}, err
	}
	work := newRefreshes(s.addresses[0], tokenURL(s.addresses[0]), logins)
	s.name, s.work = fmt.Sprintf("%d nodes", revocationNodes), work
	victims, err := newVictims(ctx, s.addresses[0], codes, l.Rounds*revocationsPerRound)
	if err != nil {
		return outcome{}, err
	}

	loaded, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	busy := make(chan struct{})
	var working sync.WaitGroup
	var rounds []round
	working.Go(func() {
		var err error
		if rounds, err = s.keepBusy(loaded, l.Connections, busy); err != nil {
			stop(err)
		}
	})
	var heard []float64
	select {
	case <-busy:
		heard, err = revokeAll(loaded, s.addresses, work, victims, l.Duration/revocationsPerRound)
	case <-loaded.Done():
	}
	stop(errDone) // the first cause stays
	working.Wait()
	if cause := context.Cause(loaded); !errors.Is(cause, errDone) {
		err = cause
	}
	if err != nil {
		return outcome{}, s.explain(err)
	}
	m, err := s.measured(scenario, rounds)
	if err != nil {
		return outcome{}, err
	}
	return outcome{measured: []Measured{m}, findings: heardFindings(l, scenario, heard)}, stopAll([]*subject{s})
}

// heardFindings returns what the milliseconds until all nodes had heard say.
func heardFindings(l *lab, scenario string, heard []float64) []Finding {
	slices.Sort(heard)
	at := func(percent int) float64 { return heard[(len(heard)*percent+99)/100-1] }
	var findings []Finding
	for _, f := range []Finding{
		{What: fmt.Sprintf("refused by all nodes after, p50 of %d revocations", len(heard)), Value: spreadOf([]float64{at(50)})},
		{What: "refused by all nodes after, p99", Value: spreadOf([]float64{at(99)}), Limit: limitHeard},
		{What: "refused by all nodes after, the longest", Value: spreadOf([]float64{at(100)})},
	} {
		f.Scenario, f.Unit = scenario, "ms"
		l.say("%s: %s: %.0f ms", scenario, f.What, f.Value.Median)
		findings = append(findings, f.judge(l.Judge))
	}
	return findings
}

// newVictims signs n sessions in.
func newVictims(ctx context.Context, address string, c *codes, n int) ([]victim, error) {
	victims := make([]victim, n)
	for i := range victims {
		code := c.mint(time.Now())
		work := redemptions{host: address, url: tokenURL(address), mint: func(time.Time) string { return code }}
		l, err := work.redeem(ctx, address)
		if err != nil {
			return nil, err
		}
		victims[i] = victim{login: l, replay: work.request(l.key, time.Now())}
	}
	return victims, nil
}

// revokeAll revokes a session every now and then, each by another node than the one before, and returns how many
// milliseconds it took until all nodes refused each.
func revokeAll(ctx context.Context, addresses []string, work refreshes, victims []victim, every time.Duration) ([]float64, error) {
	heard := make([]float64, len(victims))
	errs := make([]error, len(victims))
	var revoking sync.WaitGroup
	for i, v := range victims {
		if err := wait(ctx, every); err != nil {
			errs[i] = err
			break
		}
		revoking.Go(func() {
			took, err := revoke(ctx, addresses, work, v, i%len(addresses))
			heard[i], errs[i] = float64(took)/float64(time.Millisecond), err
		})
	}
	revoking.Wait()
	return heard, errors.Join(errs...)
}

// revoke revokes the session of v at one of the nodes, and returns how long it took until all of them refused it.
func revoke(ctx context.Context, addresses []string, work refreshes, v victim, at int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, heardLimit)
	defer cancel()
	fleet, err := load.Dial(ctx, addresses[at:at+1], 1)
	if err != nil {
		return 0, err
	}
	defer fleet.Close()
	began := time.Now()
	answer, err := fleet.Exchange(ctx, v.replay)
	if err != nil {
		return 0, err
	}
	if answer.Status == 200 {
		return 0, errors.New("a code was redeemed twice")
	}
	work.logins = []login{v.login}
	errs := make([]error, len(addresses))
	var asking sync.WaitGroup
	for i, address := range addresses {
		asking.Go(func() { errs[i] = untilRefused(ctx, address, work) })
	}
	asking.Wait()
	return time.Since(began), errors.Join(errs...)
}

// untilRefused refreshes the only session of work at a node until the node refuses to.
func untilRefused(ctx context.Context, address string, work refreshes) error {
	fleet, err := load.Dial(ctx, []string{address}, 1)
	if err != nil {
		return err
	}
	defer fleet.Close()
	for {
		answer, err := fleet.Exchange(ctx, work.request(0, time.Now()))
		if err != nil {
			return fmt.Errorf("ask a node whether it has heard: %w", err)
		}
		switch answer.Status {
		case 200:
			if err := wait(ctx, askEvery); err != nil {
				return fmt.Errorf("a node still refreshes a session that was revoked %s ago: %w", heardLimit, err)
			}
		case 400, 401, 403:
			return nil
		default:
			return fmt.Errorf("a node answered a refresh of a revoked session with status %d", answer.Status)
		}
	}
}

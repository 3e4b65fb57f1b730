package bench

import (
	"context"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
)

// measureReady starts servers and takes the time from the start of the process to the first 200 of /healthz.
func measureReady(ctx context.Context, l *lab, scenario string) (outcome, error) {
	var out outcome
	for _, sessions := range []int{0, l.Sessions} {
		d, err := l.store(ctx, setup{algorithm: floor.ES384, sessions: sessions})
		if err != nil {
			return outcome{}, err
		}
		var millis []float64
		for range l.Starts {
			p, _, ready, err := l.serve(ctx, d, setup{algorithm: floor.ES384})
			if err != nil {
				return outcome{}, err
			}
			millis = append(millis, float64(ready)/float64(time.Millisecond))
			if err := p.Stop(); err != nil {
				return outcome{}, err
			}
		}
		f := Finding{
			Scenario: scenario, What: "start to ready, " + storeName(sessions), Unit: "ms",
			Value: spreadOf(millis), Limit: limitReady,
		}
		l.say("%s: %s: %.0f ms", scenario, f.What, f.Value.Median)
		out.findings = append(out.findings, f.judge(l.Judge))
	}
	return out, nil
}

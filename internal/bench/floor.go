package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/floor"
	"github.com/latchkey-id/latchkey/internal/bench/load"
	"github.com/latchkey-id/latchkey/internal/bench/proc"
)

// floorFor starts a floor that answers redemptions signed with a, or refreshes where a is empty. Its answers are as
// long as those of the first contestant, and its requests look like that one's.
func floorFor(a floor.Algorithm) func(context.Context, *lab, *subject) (*subject, error) {
	return func(ctx context.Context, l *lab, first *subject) (*subject, error) {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		sample := standIn
		if first != nil {
			sample = first.sample
		}
		args := []string{"floor", "--listen", address, "--body", strconv.Itoa(len(sample.Body))}
		for _, line := range sample.Header {
			if !madeByHTTP(line) {
				args = append(args, "--header", line)
			}
		}
		if a != "" {
			args = append(args, "--algorithm", string(a), "--database", filepath.Join(l.dir, "floor-"+strings.ReplaceAll(address, ":", "-")+".db"))
		}
		p, err := l.launcher.Start(ctx, "floor", l.Self, args...)
		if err != nil {
			return nil, err
		}
		s := &subject{processes: []*proc.Process{p}, addresses: []string{address}, sample: sample}
		if a == "" {
			s.work = newRefreshes(address, tokenURL(address), standInLogins())
		} else {
			s.work = newRedemptions(address, tokenURL(address), func(time.Time) string { return standInCode })
		}
		if _, err := p.Ready(ctx, "http://"+address+"/healthz", readyLimit); err != nil {
			p.Stop()
			return nil, err
		}
		return s, nil
	}
}

// tokenURL returns where a server at address says that its token endpoint is.
func tokenURL(address string) string { return fmt.Sprintf("http://%s%s", address, load.TokenPath) }

// madeByHTTP tells whether net/http makes the header line by itself.
func madeByHTTP(line string) bool {
	name, _, _ := strings.Cut(strings.ToLower(line), ":")
	return name == "date" || name == "content-length" || name == "connection"
}

// What stands in for the real server's answers and tokens where a floor has no real server beside it, or where the floor
// does not look: of about the same length.
var (
	standIn = load.Answer{
		Header: []string{"Content-Type: application/json", "Cache-Control: no-store", "X-Amzn-Requestid: 00000000-0000-4000-8000-000000000000"},
		Body:   make([]byte, 1200),
	}
	standInCode = strings.Repeat("c", 300)
)

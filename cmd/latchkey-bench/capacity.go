package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench"
	"github.com/latchkey-id/latchkey/internal/capacity"
	"github.com/latchkey-id/latchkey/internal/capacity/measure"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/postgres"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

// capacityCommand says what machines a number of sessions needs, or measures what operations cost. Its other flags are the
// fields of capacity.Assumptions.
type capacityCommand struct {
	At       []float64 `help:"Numbers of sessions to print side by side, as --at=1e6,1e9, in place of --sessions." placeholder:"N"`
	Measured string    `help:"File with what --measure printed. Default: what was measured when this program was made." type:"existingfile"`
	Measure  bool      `help:"Measure what operations cost on this machine, and print that as JSON. Takes two minutes, on Linux."`
	Rows     int       `help:"Rows of each kind that --measure writes." default:"20000"`
	Simulate bool      `help:"Simulate a day client by client, and compare it with the calculation."`
	Clients  int       `help:"People in the simulation." default:"20000"`
	Seed     uint64    `help:"Of the simulation." default:"1"`
	Brief    bool      `help:"Leave out the costs and the assumptions." xor:"part"`
	Basis    bool      `help:"Print only them." xor:"part"`
	JSON     bool      `name:"json" help:"Print JSON instead of tables."`

	capacity.Assumptions `embed:""`
}

// Validate is called by the command-line parser.
func (c *capacityCommand) Validate() error {
	if c.Rows < 1000 || c.Rows > 10_000_000 || c.Clients < 100 || c.Clients > 10_000_000 {
		return errors.New("--rows must be from 1000 and --clients from 100, both up to 10000000")
	}
	for _, a := range c.columns() {
		if err := a.Check(); err != nil {
			return err
		}
	}
	return nil
}

// columns returns the assumptions of each column of the table.
func (c *capacityCommand) columns() []capacity.Assumptions {
	if len(c.At) == 0 {
		return []capacity.Assumptions{c.Assumptions}
	}
	var all []capacity.Assumptions
	for _, sessions := range c.At {
		a := c.Assumptions
		a.Sessions = sessions
		all = append(all, a)
	}
	return all
}

// costs returns those of the file that was named, or those of the program.
func (c *capacityCommand) costs() (capacity.Costs, error) {
	if c.Measured == "" {
		return capacity.Measured(), nil
	}
	text, err := os.ReadFile(c.Measured)
	if err != nil {
		return capacity.Costs{}, err
	}
	return capacity.ParseCosts(text)
}

// runCapacity does what args say. Wrong arguments end the program with status 2.
func runCapacity(ctx context.Context, args []string, out io.Writer) error {
	var c capacityCommand
	parse(&c, args)
	if c.Measure {
		costs, err := measureCosts(ctx, c.Rows, os.Stderr)
		if err != nil {
			return err
		}
		return writeJSON(out, costs)
	}
	costs, err := c.costs()
	if err != nil {
		return err
	}
	return c.print(out, costs)
}

func (c *capacityCommand) print(out io.Writer, costs capacity.Costs) error {
	var plans []capacity.Plan
	var heads []string
	for _, a := range c.columns() {
		plans = append(plans, capacity.New(a, costs))
		heads = append(heads, capacity.Head(a))
	}
	simulated := func(a capacity.Assumptions) capacity.Simulated { return capacity.Simulate(a, c.Clients, c.Seed) }
	if c.JSON {
		report := capacityReport{Costs: costs, Plans: plans}
		for _, p := range plans {
			if c.Simulate {
				report.Simulated = append(report.Simulated, simulated(p.Assumptions))
			}
		}
		return writeJSON(out, report)
	}
	if !c.Brief {
		if err := capacity.WriteAssumptions(out, plans[0].Assumptions, costs); err != nil || c.Basis {
			return err
		}
		fmt.Fprintln(out)
	}
	if !c.Simulate {
		return capacity.Write(out, heads, plans)
	}
	for _, p := range plans {
		if err := capacity.WriteSimulated(out, p.Demand, simulated(p.Assumptions)); err != nil {
			return err
		}
	}
	return nil
}

// capacityReport is what --json prints.
type capacityReport struct {
	Costs     capacity.Costs       `json:"costs"`
	Plans     []capacity.Plan      `json:"plans"`
	Simulated []capacity.Simulated `json:"simulated,omitempty"`
}

func writeJSON(out io.Writer, value any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// measureCosts measures whole requests with package bench, and the rest with package measure.
func measureCosts(ctx context.Context, rows int, progress io.Writer) (capacity.Costs, error) {
	dir, err := os.MkdirTemp("", "latchkey-capacity-")
	if err != nil {
		return capacity.Costs{}, err
	}
	defer os.RemoveAll(dir)
	costs, err := measure.Run(ctx, measure.Options{
		Dir: dir, Rows: rows, Clock: time.Now,
		OpenSQLite: func(ctx context.Context, path string) (store.Store, error) {
			return sqlite.Open(ctx, path, time.Now(), sqlite.Options{})
		},
		OpenPostgres: func(ctx context.Context, url string) (store.Store, error) {
			return postgres.Open(ctx, postgres.Options{URL: url, Now: time.Now()})
		},
		Progress: func(what string) { fmt.Fprintf(progress, "%s %s\n", time.Now().Format(time.TimeOnly), what) },
	})
	if err != nil {
		return costs, err
	}
	return costs, measureRequests(ctx, &costs, progress)
}

// The scenarios of package bench with whole requests, and the one whose subject has an empty store.
var requestScenarios = []string{"refresh", "redeem-ES384", "redeem-ES256"}

// measureRequests sends requests to a real server and takes the medians of its CPU time.
func measureRequests(ctx context.Context, costs *capacity.Costs, progress io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	report, err := bench.Run(ctx, bench.Options{
		Self: self, Only: requestScenarios, Connections: 32, Rounds: 5, Duration: time.Second, Sessions: 10_000, Progress: progress,
	})
	if err != nil {
		return err
	}
	into := map[string]*float64{"refresh": &costs.Refresh, "redeem-ES384": &costs.Redeem384, "redeem-ES256": &costs.Redeem256}
	for _, m := range report.Measured {
		if m.Subject == "10 000 sessions" {
			*into[m.Scenario] = m.CPU.Median / costs.VerifyMicros
		}
	}
	costs.Date = time.Now().UTC().Format(time.DateOnly)
	costs.Machine = fmt.Sprintf("%s, %d cores, %s", report.Machine.Processor, report.Machine.Cores, report.Machine.Go)
	return costs.Check()
}

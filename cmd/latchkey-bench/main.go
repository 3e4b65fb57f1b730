package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/latchkey-id/latchkey/internal/bench"
	"github.com/latchkey-id/latchkey/internal/bench/floor"
)

// runCommand measures. It is what the program does.
type runCommand struct {
	Server      string        `help:"The latchkey program. Default: build ./cmd/latchkey." type:"existingfile"`
	Scratch     string        `help:"Folder for temporary files, on the kind of disk that a store would be on. Default: the system's." type:"existingdir"`
	Only        []string      `help:"Scenarios to run, or the words that some begin with: ${scenarios}. Default: all." placeholder:"NAME"`
	Connections int           `help:"Kept-alive connections, each with one request at a time." default:"32"`
	Rounds      int           `help:"Rounds of each contestant." default:"10"`
	Duration    time.Duration `help:"Length of a round, about." default:"2s"`
	Sessions    int           `help:"Sessions in the store that is not empty." default:"1000000"`
	Refreshes   int           `help:"Refreshes before resident memory is read." default:"100000"`
	Starts      int           `help:"Starts before the time to ready is taken." default:"9"`
	Quick       bool          `help:"Small numbers and no verdicts: shows that everything works, and nothing about speed."`
	Check       bool          `help:"Exit with 1 when a limit is exceeded."`
	JSON        bool          `name:"json" help:"Print JSON instead of tables."`
}

// floorCommand is the floor process, which the program starts itself as; its name is the first argument.
type floorCommand struct {
	Listen    string   `required:""`
	Body      int      `required:""`
	Header    []string `sep:"none"`
	Algorithm string
	Database  string
}

// errOver is the outcome of a run with --check that found a limit exceeded.
var errOver = errors.New("a limit is exceeded")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "latchkey-bench:", err)
		os.Exit(1)
	}
}

// run does what args say. Wrong arguments end the program with status 2.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "floor" {
		var c floorCommand
		parse(&c, args[1:])
		return c.run(ctx)
	}
	if len(args) > 0 && args[0] == "capacity" {
		return runCapacity(ctx, args[1:], os.Stdout)
	}
	var c runCommand
	parse(&c, args)
	return c.run(ctx)
}

func parse(into any, args []string) {
	parser := kong.Must(into, kong.Name("latchkey-bench"),
		kong.Description("Measures what a latchkey server costs beside the least that any server could do. It takes some minutes."),
		kong.Vars{"scenarios": strings.Join(bench.Names(), ", ")})
	if _, err := parser.Parse(args); err != nil {
		parser.Errorf("%s", err)
		os.Exit(2)
	}
}

// Validate is called by the command-line parser.
func (c *runCommand) Validate() error {
	if c.Connections < 1 || c.Rounds < 1 || c.Sessions < 1 || c.Refreshes < 1 || c.Starts < 1 || c.Duration <= 0 {
		return errors.New("all numbers must be above 0")
	}
	if c.Connections > 10_000 || c.Rounds > 1000 || c.Sessions > 100_000_000 || c.Duration > time.Minute {
		return errors.New("at most 10000 connections, 1000 rounds of 1m, 100000000 sessions")
	}
	return nil
}

func (c *runCommand) run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	o := bench.Options{
		Server: c.Server, Self: self, Scratch: c.Scratch, Only: c.Only,
		Connections: c.Connections, Rounds: c.Rounds, Duration: c.Duration, Sessions: c.Sessions,
		Refreshes: c.Refreshes, Starts: c.Starts, Judge: !c.Quick, Progress: os.Stderr,
	}
	if c.Quick {
		o.Rounds, o.Duration, o.Sessions, o.Refreshes, o.Starts = 2, 200*time.Millisecond, 2000, 2000, 2
	}
	report, err := bench.Run(ctx, o)
	if err != nil {
		return err
	}
	if err := c.print(report); err != nil {
		return err
	}
	if c.Check && report.Over() {
		return errOver
	}
	return nil
}

func (c *runCommand) print(report bench.Report) error {
	if !c.JSON {
		return report.WriteText(os.Stdout)
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}

// run serves until it is told to end.
func (c *floorCommand) run(ctx context.Context) error {
	return floor.Serve(ctx, floor.Options{
		Listen: c.Listen, Header: c.Header, Body: c.Body, Algorithm: floor.Algorithm(c.Algorithm), Database: c.Database,
	})
}

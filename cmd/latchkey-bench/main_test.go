package main

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/alecthomas/kong"
)

// A header line of an answer may hold commas, which a list on the command line is usually split at.
func TestFloorTakesHeaderLinesWhole(t *testing.T) {
	var c floorCommand
	lines := []string{"Cache-Control: no-store, private", "X: y"}
	parse(&c, []string{"--listen", "127.0.0.1:0", "--body", "1200", "--header", lines[0], "--header", lines[1], "--algorithm", "ES256"})
	if c.Body != 1200 || c.Algorithm != "ES256" || !slices.Equal(c.Header, lines) {
		t.Errorf("parse = %+v, want the header %q", c, lines)
	}
}

func TestNumbersOutOfRangeAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"--rounds", "0"}, {"--connections", "-1"}, {"--sessions", "1000000000"}, {"--duration", "0s"}, {"--duration", "2h"},
		{"--server", filepath.Join(t.TempDir(), "missing")},
	} {
		var c runCommand
		parser := kong.Must(&c, kong.Vars{"scenarios": ""})
		if _, err := parser.Parse(args); err == nil {
			t.Errorf("Parse(%q) = nil error", args)
		}
	}
}

func TestFloorEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{"floor", "--listen", "127.0.0.1:0", "--body", "1"}); err != nil {
		t.Errorf("floor with a cancelled context = %v, want nil", err)
	}
	missing := filepath.Join(t.TempDir(), "no", "floor.db")
	err := run(t.Context(), []string{"floor", "--listen", "127.0.0.1:0", "--body", "1", "--algorithm", "ES256", "--database", missing})
	if err == nil {
		t.Errorf("floor without a folder for its database = %v, want an error", err)
	}
}

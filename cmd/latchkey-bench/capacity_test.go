package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/latchkey-id/latchkey/internal/capacity"
)

const capacityPage = "../../docs/capacity.md"

// The page shows what the commands in it print. `LATCHKEY_UPDATE=1 go test ./cmd/latchkey-bench` writes it anew.
func TestCapacityPageShowsWhatTheCommandPrints(t *testing.T) {
	const command, begin, end = "latchkey-bench capacity ", "```console\n$ ", "```\n"
	if runtime.GOARCH != "amd64" {
		t.Skip("another processor rounds sums differently, and a simulated day depends on each")
	}
	b, err := os.ReadFile(capacityPage)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(b), begin)
	for i, part := range parts[1:] {
		block, after, ok := strings.Cut(part, end)
		line, shown, _ := strings.Cut(block, "\n")
		args, ours := strings.CutPrefix(line, command)
		if !ok || !ours {
			t.Fatalf("block %d begins with %q, want a %q that is closed", i+1, line, command)
		}
		var out bytes.Buffer
		if err := runCapacity(t.Context(), strings.Fields(args), &out); err != nil {
			t.Fatal(err)
		}
		if out.String() != shown && os.Getenv("LATCHKEY_UPDATE") == "" {
			t.Errorf("%s shows, after $ %s\n%s\nbut it prints\n%s\nSet LATCHKEY_UPDATE=1 to write the page anew, and read the text around it.",
				capacityPage, line, shown, out.String())
		}
		parts[i+1] = line + "\n" + out.String() + end + after
	}
	if len(parts) < 5 {
		t.Errorf("%s has %d commands, want four", capacityPage, len(parts)-1)
	}
	if os.Getenv("LATCHKEY_UPDATE") != "" {
		if err := os.WriteFile(capacityPage, []byte(strings.Join(parts, begin)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCapacityAsJSON(t *testing.T) {
	dir := t.TempDir()
	costs := capacity.Measured()
	costs.Password *= 2
	text, err := json.Marshal(costs)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "costs.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	plan := func(args ...string) capacityReport {
		var out bytes.Buffer
		if err := runCapacity(t.Context(), append(args, "--json", "--at=1e6,1e8"), &out); err != nil {
			t.Fatal(err)
		}
		var r capacityReport
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	one, other := plan(), plan("--measured", file)
	if len(one.Plans) != 2 || one.Plans[1].Assumptions.Sessions != 1e8 || one.Plans[0].Nodes < 1 {
		t.Errorf("plans = %+v, want one for each number of sessions", one.Plans)
	}
	if got, want := other.Plans[0].PasswordCores, 2*one.Plans[0].PasswordCores; got < want*0.999 || got > want*1.001 {
		t.Errorf("passwords that are twice as dear take %v cores, want %v", got, want)
	}
}

func TestAssumptionsAreFlags(t *testing.T) {
	var c capacityCommand
	parse(&c, []string{"--sessions", "5e6", "--in-use", "0.1", "--cores-per-node", "4", "--es256", "--no-reuse"})
	if c.Sessions != 5e6 || c.InUse != 0.1 || c.CoresPerNode != 4 || !c.ES256 || !c.NoReuse || c.LoginsPerDay != capacity.Defaults().LoginsPerDay {
		t.Errorf("parse = %+v", c.Assumptions)
	}
	for _, args := range [][]string{{"--sessions", "0"}, {"--in-use", "2"}, {"--at", "1e6,-1"}, {"--clients", "1"}, {"--rows", "0"}, {"--measured", "/nonexistent"}} {
		var c capacityCommand
		parser := kong.Must(&c, kong.Vars{"scenarios": ""})
		if _, err := parser.Parse(args); err == nil {
			t.Errorf("Parse(%q) = nil error", args)
		}
	}
}

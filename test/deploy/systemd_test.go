package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unit returns the path of a unit with that text, which starts the server that was built here.
func unit(t *testing.T, text string) string {
	t.Helper()
	return put(t, "latchkey.service", change(t, text, "/usr/local/bin/latchkey", bin))
}

// systemd passes over keys that it does not know, with a warning: every word of it counts.
func TestSystemdAcceptsTheUnit(t *testing.T) {
	tool, text := need(t, "systemd-analyze"), file(t, "systemd/latchkey.service")
	if said, err := try(t, tool, "verify", "--man=no", unit(t, text)); err != nil || said != "" {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
	for _, broken := range []string{
		change(t, text, "ProtectSystem=strict", "ProtectSistem=strict"),
		change(t, text, "Type=exec", "Type=execute"),
		change(t, text, "SystemCallFilter=@system-service", "SystemCallFilter=@system-servant"),
	} {
		if said, err := try(t, tool, "verify", "--man=no", unit(t, broken)); err == nil && said == "" {
			t.Error("systemd-analyze verify says nothing about a unit that is broken")
		}
	}
}

// 1.5 of 10 on systemd's scale, in tenths. What is left is that the service has a network and reads /proc.
func TestUnitIsConfined(t *testing.T) {
	tool, text := need(t, "systemd-analyze"), file(t, "systemd/latchkey.service")
	security := []string{"security", "--offline=true", "--no-pager", "--threshold=15"}
	if said, err := try(t, tool, append(security, unit(t, text))...); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, said)
	}
	open := change(t, text, "ProtectSystem=strict", "ProtectSystem=no")
	open = change(t, open, "SystemCallFilter=@system-service\n", "")
	if _, err := try(t, tool, append(security, unit(t, open))...); err == nil {
		t.Error("systemd-analyze security accepts a unit that is open")
	}
}

// Nobody notices before it is too late when systemd kills in the middle of the drain.
func TestUnitWaitsForTheDrain(t *testing.T) {
	found := regexp.MustCompile(`(?m)^TimeoutStopSec=(\S+)$`).FindStringSubmatch(file(t, "systemd/latchkey.service"))
	if found == nil {
		t.Fatal("the unit has no TimeoutStopSec")
	}
	stop, err := time.ParseDuration(found[1])
	if least := 35 * time.Second; err != nil || stop < least { // a delay of 10s, the timeout of 20s, and a reserve
		t.Errorf("TimeoutStopSec=%s (%v), want at least %v", found[1], err, least)
	}
}

// The filter of the unit is compared with what the kernel is asked for by a server that starts, answers, is administered
// and stops.
func TestUnitAllowsTheSystemCallsOfTheServer(t *testing.T) {
	needRoot(t)
	analyze, strace := need(t, "systemd-analyze"), need(t, "strace")
	allowed := map[string]bool{}
	for _, call := range callsOf(t, analyze, "@system-service") {
		allowed[call] = true
	}
	for _, group := range []string{"@privileged", "@resources"} {
		for _, call := range callsOf(t, analyze, group) {
			delete(allowed, call)
		}
	}
	if !allowed["openat"] || allowed["reboot"] || allowed["chown"] || len(allowed) < 100 {
		t.Fatalf("the filter was not understood: %d calls", len(allowed))
	}

	dir := openDir(t)
	settings := filepath.Join(dir, "settings.yaml")
	if err := os.WriteFile(settings, []byte("metrics_listen: 127.0.0.1:0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(dir, "trace")
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	t.Run("trace", func(t *testing.T) {
		command := exec.Command(strace, "-D", "-f", "-qq", "-o", trace,
			bin, "dev", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--config", settings)
		command.SysProcAttr = nobody
		p := start(t, command)
		get(t, p.base+"/")
		p.metrics(t)
	})
	var text []byte
	until(t, "strace has written the end of the server", func() bool { // beside which it runs, because of -D
		var err error
		text, err = os.ReadFile(trace)
		return err == nil && strings.Contains(string(text), " exit_group(")
	})
	seen := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^\d+ +([a-z0-9_]+)\((.*)`).FindAllStringSubmatch(string(text), -1) {
		seen[found[1]] = true
		if strings.Contains(found[2], "PROT_WRITE|PROT_EXEC") {
			t.Errorf("MemoryDenyWriteExecute would refuse %s(%s", found[1], found[2])
		}
	}
	for call := range seen {
		if !allowed[call] {
			t.Errorf("the server calls %s, which the unit does not allow", call)
		}
	}
	if len(seen) < 30 || !seen["accept4"] || !seen["fsync"] {
		t.Errorf("the trace has %d calls only", len(seen))
	}
}

// openDir returns a folder for the test that everybody can write to; that of t.TempDir is in one that is closed.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "latchkey-deploy-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// callsOf returns the system calls of a group and of the groups in it.
func callsOf(t *testing.T, analyze, group string) []string {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), analyze, "--no-pager", "syscall-filter", group).Output()
	if err != nil {
		t.Fatalf("syscall-filter %s: %v", group, err)
	}
	var calls []string
	for _, line := range lines(string(text)) {
		name := strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, " ") || strings.HasPrefix(name, "#"):
		case strings.HasPrefix(name, "@"):
			calls = append(calls, callsOf(t, analyze, name)...)
		default:
			calls = append(calls, name)
		}
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

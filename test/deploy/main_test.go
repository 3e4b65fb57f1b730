package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// bin is the server that TestMain built, scratch a folder that goes with the tests, top the root of the source tree.
var bin, scratch, top string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "latchkey-deploy-"); err == nil {
		defer os.RemoveAll(scratch)
		err = os.Chmod(scratch, 0o755) // tests run the server as somebody else
	}
	if err == nil {
		top, err = filepath.Abs("../..")
	}
	if err == nil {
		bin, err = build(scratch)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build builds the server, unless LATCHKEY names one that is built.
func build(dir string) (string, error) {
	if ready := os.Getenv("LATCHKEY"); ready != "" {
		return filepath.Abs(ready)
	}
	program := filepath.Join(dir, "latchkey")
	command := exec.Command("go", "build", "-trimpath", "-o", program, "./cmd/latchkey")
	command.Dir = top
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build latchkey: %w\n%s", err, text)
	}
	return program, nil
}

// need returns the path of a tool: of those that install.sh unpacked, or of the system.
func need(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(top, "build", "deploy", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		lacking(t, "no %s; run test/deploy/install.sh", name)
	}
	return path
}

// lacking skips the test, which lacks something of the machine; in CI nothing may be lacking.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// try runs a command and returns what it says on both outputs, and its error.
func try(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	return string(text), err
}

// file returns a file of deploy/.
func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// change returns text with old, which must be in it, replaced by new.
func change(t *testing.T, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("the file has no %q that could be changed", old)
	}
	return strings.ReplaceAll(text, old, new)
}

// put writes text to a new file called name and returns its path.
func put(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

package sqlite

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// modernc.org/sqlite is C translated to Go, and works only on the very version of modernc.org/libc that it was translated
// for. Another module can move libc ahead without a word from the go command.
func TestLibcIsTheOneThatSQLiteNames(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("there is no go command")
	}
	list := func(module string) (m struct{ Version, GoMod string }) {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-json", module).Output()
		if err != nil {
			t.Fatalf("go list -m %s: %v", module, err)
		}
		if err := json.Unmarshal(out, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	driver := list("modernc.org/sqlite")
	mod, err := os.ReadFile(driver.GoMod)
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for line := range strings.Lines(string(mod)) {
		if f := strings.Fields(strings.TrimPrefix(line, "require ")); len(f) >= 2 && f[0] == "modernc.org/libc" {
			want = f[1]
		}
	}
	if got := list("modernc.org/libc").Version; want == "" || got != want {
		t.Errorf("modernc.org/libc is %s, but modernc.org/sqlite %s was made for %q: require that version", got, driver.Version, want)
	}
}

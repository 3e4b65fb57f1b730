package clients

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bin is the folder of what TestMain built.
var bin string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "latchkey-clients-"); err == nil {
		defer os.RemoveAll(bin)
		err = buildAll()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The tests mostly wait for other processes, so there is room for more of them at once than there are cores.
	if flag.Lookup("test.parallel").Value.String() == flag.Lookup("test.parallel").DefValue {
		flag.Set("test.parallel", "8")
	}
	return m.Run()
}

// buildAll builds the server, unless LATCHKEY names one that is built, and the drivers of the Go SDK.
func buildAll() error {
	if ready := os.Getenv("LATCHKEY"); ready != "" {
		if err := os.Symlink(ready, filepath.Join(bin, "latchkey")); err != nil {
			return err
		}
	} else if err := build("../..", "latchkey", "./cmd/latchkey"); err != nil {
		return err
	}
	if err := build("go", "go-newest", "."); err != nil {
		return err
	}
	if err := build("go", "go-operations", "./operations"); err != nil {
		return err
	}
	return build("go", "go-oldest", "-modfile=oldest.mod", ".")
}

// build runs go build in folder and leaves the program name in bin.
func build(folder, name string, arguments ...string) error {
	command := exec.Command("go", append([]string{"build", "-o", filepath.Join(bin, name)}, arguments...)...)
	command.Dir = folder
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, text)
	}
	return nil
}

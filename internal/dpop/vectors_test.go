package dpop

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
)

// readVectors reads a Wycheproof file from the folder of shared vectors that lies beside the repository. A clone
// without it skips the test; CI does not.
func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(filepath.Dir(dir), "shared", "vectors", "wycheproof", name)
	doc, err := os.ReadFile(path)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared vectors are not here: %v", err)
	}
	if err := json.Unmarshal(doc, into); err != nil {
		t.Fatal(err)
	}
}

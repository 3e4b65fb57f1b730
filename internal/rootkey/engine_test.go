package rootkey

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// transitEngine starts test/transit, which is Vault's transit engine, and returns its URL.
func transitEngine(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "transit")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "../../test/transit"
	if out, err := build.CombinedOutput(); err != nil {
		absent(t, "test/transit cannot be built: "+err.Error()+"\n"+string(out))
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "TRANSIT_TOKEN="+testToken)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("transit says no URL: %v", err)
	}
	return strings.TrimSpace(url)
}

// The client against the transit engine of Vault itself, which has the last word on what it answers. LATCHKEY_TRANSIT=1
// runs it; `make kms` sets that.
func TestTransitOfVault(t *testing.T) {
	if os.Getenv("LATCHKEY_TRANSIT") != "1" {
		t.Skip("LATCHKEY_TRANSIT=1 builds and starts test/transit; make kms does so")
	}
	t.Setenv("TEST_VAULT_TOKEN", testToken)
	address := transitEngine(t)
	open := func(key string) *Vault {
		v, err := OpenVault(VaultOptions{Address: address, Mount: "transit", Key: key, TokenEnv: "TEST_VAULT_TOKEN"})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	testRoot(t, open("a"), open("b"), "")
	_, err := open("none").Wrap(t.Context(), label, secret)
	wantWords(t, "no such key: Wrap", err, "no transit key none")
	_, err = open("none").Unwrap(t.Context(), label, []byte("vault:v1:AAAA"))
	wantWords(t, "no such key: Unwrap", err, "no transit key none")
	_, err = open("d").Wrap(t.Context(), label, secret)
	wantWords(t, "a derived key", err, "is derived")
	t.Setenv("TEST_VAULT_TOKEN", "hvs.OTHER")
	_, err = open("a").Wrap(t.Context(), label, secret)
	wantWords(t, "another token", err, "Vault denies")
}

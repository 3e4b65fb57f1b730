package revoke_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// The script that the documentation hands to people ends the session of a cache file, and says why it could not.
func TestLogoutScriptEndsTheSessionOfACacheFile(t *testing.T) {
	for _, program := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	front := httptest.NewUnstartedServer(nil)
	w := newWorld(t, func(c *config.Config) { c.BaseURLs = []string{"http://" + front.Listener.Addr().String()} })
	front.Config.Handler = w
	front.Start()
	defer front.Close()

	c := w.Client()
	token := c.Login(t).RefreshToken
	run := func(key *testkit.Client) (string, error) {
		der, err := x509.MarshalECPrivateKey(key.Key)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(map[string]string{
			"refreshToken": token, "clientId": signin.SameDevice, "dpopKey": string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})),
		})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "login.json")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "python3", "../../examples/logout/logout.py", front.URL+"/", file).CombinedOutput()
		return string(out), err
	}
	if out, err := run(w.Client()); err == nil || !strings.Contains(out, "another key") {
		t.Errorf("with another key: %v\n%s", err, out)
	}
	if !w.active(t, token) {
		t.Fatal("another key ended the session")
	}
	if out, err := run(c); err != nil || !strings.Contains(out, ": ended") {
		t.Fatalf("logout.py: %v\n%s", err, out)
	}
	if w.active(t, token) {
		t.Error("the session lives on")
	}
}

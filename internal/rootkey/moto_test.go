package rootkey

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// moto is the server of AWS services that this test runs, by the name that pip knows it by.
const moto = "moto[server]==5.2.5"

// motoServer starts moto and returns its URL. It installs moto into a cache directory of its own where it is missing.
func motoServer(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "latchkey-test", "moto-5.2.5")
	program := filepath.Join(dir, "bin", "moto_server")
	if _, err := os.Stat(program); err != nil {
		for _, cmd := range [][]string{{"python3", "-m", "venv", dir}, {filepath.Join(dir, "bin", "pip"), "install", "-q", moto}} {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			out, err := exec.CommandContext(ctx, cmd[0], cmd[1:]...).CombinedOutput()
			cancel()
			if err != nil {
				absent(t, fmt.Sprintf("%v: %v\n%s", cmd, err, out))
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // moto cannot be given a listener
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			c.Close()
			return "http://" + address
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("moto ended: %v", err)
		case <-time.After(50 * time.Millisecond): // a process of somebody else's starts on the real clock
		}
	}
	t.Fatal("moto does not listen")
	return ""
}

// absent ends a test that needs what is not here: where nothing may be skipped, it fails.
func absent(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// The client against a server of AWS KMS that others wrote. LATCHKEY_MOTO=1 runs it; `make kms` sets that.
func TestKMSOfMoto(t *testing.T) {
	if os.Getenv("LATCHKEY_MOTO") != "1" {
		t.Skip("LATCHKEY_MOTO=1 starts moto; make kms does so")
	}
	endpoint := motoServer(t)
	credentials(t, "AKIDEXAMPLE", "secret")
	client := openKMS(t, endpoint, "any").client
	newKey := func() string {
		a, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(a.KeyMetadata.Arn)
	}
	first, second := newKey(), newKey()
	if _, err := client.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String("alias/latchkey"), TargetKeyId: aws.String(first)}); err != nil {
		t.Fatal(err)
	}
	alias := openKMS(t, endpoint, "alias/latchkey")
	// Where AWS says IncorrectKeyException, moto says AccessDeniedException, which can mean anything.
	testRoot(t, alias, openKMS(t, endpoint, second), "KMS denies kms:Decrypt")

	// The key by another of its names.
	wrapped, err := alias.Wrap(t.Context(), label, secret)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := openKMS(t, endpoint, first).Unwrap(t.Context(), label, wrapped); err != nil || string(got) != string(secret) {
		t.Errorf("Unwrap by the ARN of what the alias wrapped = %q, %v", got, err)
	}
	_, err = openKMS(t, endpoint, "alias/none").Wrap(t.Context(), label, secret)
	wantWords(t, "no such alias", err, "no such key")
}

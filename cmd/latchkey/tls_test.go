package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

// makeCertificate writes a certificate for signin.example.com and its key, and returns a pool that trusts it.
func makeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "signin.example.com"}, DNSNames: []string{"signin.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: certificate}, "key.pem": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// With a certificate the server needs no proxy.
func TestServerSpeaksTLS(t *testing.T) {
	dir := t.TempDir()
	pool := makeCertificate(t, dir)
	config := "listen: 127.0.0.1:0\nbase_urls: [https://signin.example.com]\ndata: data\nroot_key: {env: TEST_ROOT_KEY}\n" +
		"tls: {certificate: cert.pem, key: key.pem}\n"
	path := filepath.Join(dir, "latchkey.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("latchkey", "serve", "--config", path)
	cmd.Env = append(os.Environ(), "TEST_ROOT_KEY="+keyring.NewRootKey())
	p, url, addr, err := launch(cmd)
	if err != nil {
		t.Fatalf("the server %v", err)
	}
	defer func() {
		p.cmd.Process.Kill()
		<-p.ended
	}()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}}
	r, err := client.Get(url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK || r.TLS == nil || r.TLS.Version < tls.VersionTLS12 || url != "https://signin.example.com" {
		t.Errorf("GET %s/healthz = %d over %+v", url, r.StatusCode, r.TLS)
	}
	if r, err := http.Get("http://" + addr + "/healthz"); err == nil {
		r.Body.Close()
		if r.StatusCode == http.StatusOK {
			t.Error("the server answers plain HTTP on the same address")
		}
	}
}

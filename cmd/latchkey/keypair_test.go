package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
)

// A renewed certificate is served without a restart; half of one is not.
func TestRenewedCertificateIsServed(t *testing.T) {
	dir := t.TempDir()
	files := config.TLS{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	first, firstKey := newCertificate(t)
	second, secondKey := newCertificate(t)
	began := time.Now().Add(-time.Hour)
	write := func(path string, data []byte, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(files.Certificate, first, began)
	write(files.Key, firstKey, began)
	k, err := newKeyPair(files)
	if err != nil {
		t.Fatal(err)
	}
	served := func() []byte {
		t.Helper()
		k.looked = time.Time{} // as if the last look were long ago
		pair, err := k.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	}
	if !bytes.Equal(served(), first) {
		t.Error("the first certificate is not served")
	}
	write(files.Certificate, second, began.Add(time.Minute))
	if !bytes.Equal(served(), first) {
		t.Error("a certificate is served whose key is not there yet")
	}
	write(files.Key, secondKey, began.Add(time.Minute))
	if !bytes.Equal(served(), second) {
		t.Error("the renewed certificate is not served")
	}
}

func newCertificate(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

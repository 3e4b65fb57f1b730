package deploy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestNginxAcceptsTheSite(t *testing.T) {
	nginx, site := need(t, "nginx"), file(t, "proxy/nginx.conf")
	dir := t.TempDir()
	writeCertificate(t, dir)
	site = change(t, site, "/etc/ssl/signin.example.com/", dir+"/")
	site = change(t, site, "/var/log/nginx/", dir+"/")
	check := func(site string) (string, error) {
		main := "pid " + dir + "/pid; events {} http {\naccess_log off;\n"
		for _, place := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			main += place + "_temp_path " + dir + "/" + place + ";\n"
		}
		return try(t, nginx, "-t", "-q", "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", put(t, "nginx.conf", main+site+"}\n"))
	}
	if said, err := check(site); err != nil || said != "" {
		t.Errorf("nginx -t: %v\n%s", err, said)
	}
	if _, err := check(change(t, site, "proxy_read_timeout", "proxy_reed_timeout")); err == nil {
		t.Error("nginx -t accepts a directive that does not exist")
	}
}

func TestCaddyAcceptsTheSite(t *testing.T) {
	caddy, dir := need(t, "caddy"), t.TempDir()
	text := change(t, file(t, "proxy/Caddyfile"), "/var/log/caddy/", dir+"/")
	if said, err := try(t, caddy, "validate", "--adapter", "caddyfile", "--config", put(t, "Caddyfile", text)); err != nil {
		t.Errorf("caddy validate: %v\n%s", err, said)
	}
	broken := change(t, text, "health_uri", "health_url")
	if _, err := try(t, caddy, "validate", "--adapter", "caddyfile", "--config", put(t, "Caddyfile", broken)); err == nil {
		t.Error("caddy validate accepts an option that does not exist")
	}
}

// writeCertificate writes a certificate and its key by the names that the site of nginx has.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "signin.example.com"}, NotBefore: now, NotAfter: now.Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"fullchain.pem": {Type: "CERTIFICATE", Bytes: certificate}, "privkey.pem": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

package measure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/latchkey-id/latchkey/internal/bench/proc"
)

// handshake returns the µs of CPU that a server spends for a new TLS connection with a P-256 certificate: to accept it,
// to agree on keys, and to close it. now is for the certificate.
//
// The client runs in this process too, on a thread of its own, whose CPU is taken off. So the server is charged with the
// garbage of both.
func handshake(now time.Time) (float64, error) {
	config, err := serverTLS(now)
	if err != nil {
		return 0, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	best := 0.0
	for range rounds {
		took, err := handshakes(listener, config, 200)
		if err != nil {
			return 0, err
		}
		if best == 0 || took < best {
			best = took
		}
	}
	return best, nil
}

// handshakes makes n connections one after the other and returns the µs of CPU of the server for each.
func handshakes(listener net.Listener, config *tls.Config, n int) (float64, error) {
	served := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < n && err == nil; i++ {
			err = serveOne(listener, config)
		}
		served <- err
	}()
	before, err := proc.Self()
	if err != nil {
		return 0, err
	}
	client, err := ofThread(func() error {
		for range n {
			if err := connectOnce(listener.Addr().String()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := <-served; err != nil {
		return 0, err
	}
	after, err := proc.Self()
	return float64((after - before - client).Nanoseconds()) / 1000 / float64(n), err
}

// connectOnce opens a connection, writes a byte and reads one.
func connectOnce(address string) error {
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) // it is ourselves
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{1}); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

// serveOne takes a connection, reads a byte and writes one.
func serveOne(listener net.Listener, config *tls.Config) error {
	raw, err := listener.Accept()
	if err != nil {
		return err
	}
	conn := tls.Server(raw, config)
	defer conn.Close()
	b := make([]byte, 1)
	if _, err := conn.Read(b); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	_, err = conn.Write(b)
	return err
}

func serverTLS(now time.Time) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS13}, nil
}

package main

import (
	"crypto/tls"
	"os"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
)

// keyPair is the certificate and the key in files that somebody renews. It reads them again when they changed.
type keyPair struct {
	files config.TLS

	mu      sync.Mutex
	looked  time.Time // when the files were last looked at
	changed time.Time // the newest time of both files when they were read
	pair    *tls.Certificate
}

// lookAgain is how long the files are taken to be unchanged.
const lookAgain = 10 * time.Second

func newKeyPair(files config.TLS) (*keyPair, error) {
	k := &keyPair{files: files}
	return k, k.read()
}

// get is for tls.Config.GetCertificate. While new files cannot be read, because one of them is there and the other is
// not yet, it goes on with the old pair.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.looked) > lookAgain {
		k.looked = now
		if !k.newest().Equal(k.changed) {
			_ = k.read()
		}
	}
	return k.pair, nil
}

func (k *keyPair) read() error {
	changed := k.newest()
	pair, err := tls.LoadX509KeyPair(k.files.Certificate, k.files.Key)
	if err != nil {
		return err
	}
	k.pair, k.changed = &pair, changed
	return nil
}

// newest returns the later of the two files' times; the zero time when one is missing.
func (k *keyPair) newest() time.Time {
	var newest time.Time
	for _, path := range []string{k.files.Certificate, k.files.Key} {
		info, err := os.Stat(path)
		if err != nil {
			return time.Time{}
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}

package dpop

import (
	"bufio"
	"encoding/base64"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// captured is a request of a real client.
type captured struct {
	name       string
	headers    []string
	host       string
	answered   time.Time
	thumbprint string
}

// readCaptured reads testdata/proofs.txt: a line with the name, the request line, Host and DPoP header as received, when
// the request was answered, the thumbprint over the padded key, and an empty line.
func readCaptured(t testing.TB) []captured {
	t.Helper()
	doc, err := os.ReadFile("testdata/proofs.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []captured
	for block := range strings.SplitSeq(strings.TrimSpace(string(doc)), "\n\n") {
		name, request, _ := strings.Cut(block, "\n")
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request + "\n\n")))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		at, err := http.ParseTime(r.Header.Get("Answered"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, captured{name[2:], r.Header.Values("DPoP"), r.Host, at, r.Header.Get("Thumbprint")})
	}
	if len(all) != 10 {
		t.Fatalf("testdata holds %d proofs, want 10", len(all))
	}
	return all
}

func text(k signin.Thumbprint) string { return base64.RawURLEncoding.EncodeToString(k[:]) }

// The proofs of four real clients verify at the time at which they were sent, against the address they were sent to.
func TestCapturedProofsVerify(t *testing.T) {
	for _, c := range readCaptured(t) {
		v := newVerifier(t, "http://"+c.host)
		p, err := v.Verify(c.headers, "POST", "/v1/token", c.answered)
		if err != nil {
			t.Errorf("%s: Verify: %v", c.name, err)
			continue
		}
		if text(p.Key) != c.thumbprint {
			t.Errorf("%s: Verify gave the thumbprint %s, want %s", c.name, text(p.Key), c.thumbprint)
		}
		if d := c.answered.Sub(p.IssuedAt); d < 0 || d > 2*time.Second {
			t.Errorf("%s: IssuedAt is %v before the answer", c.name, d)
		}
	}
}

// Four clients used one login whose key has a short x. One of them leaves the zero byte out; all must be one key, or
// whoever uses two tools is locked out by the second.
func TestShortCoordinateIsOneKeyForAllClients(t *testing.T) {
	seen := 0
	for _, c := range readCaptured(t) {
		if !strings.Contains(c.name, "short-x") {
			continue
		}
		p, err := newVerifier(t, "http://"+c.host).Verify(c.headers, "POST", "/v1/token", c.answered)
		if err != nil {
			t.Fatalf("%s: Verify: %v", c.name, err)
		}
		if want := "BekGNoO6aJ4lAjY_Rst2lc_gzUIn_4DxCWq4tGQ2X2U"; text(p.Key) != want {
			t.Errorf("%s: thumbprint %s, want %s", c.name, text(p.Key), want)
		}
		seen++
	}
	if seen != 4 {
		t.Errorf("saw %d clients, want 4", seen)
	}
}

// A captured proof is worth nothing later, earlier, or at another address.
func TestCapturedProofIsForItsTimeAndPlace(t *testing.T) {
	for _, c := range readCaptured(t) {
		here := newVerifier(t, "http://"+c.host)
		for _, d := range []time.Duration{-6 * time.Minute, 6 * time.Minute, 24 * time.Hour} {
			if _, err := here.Verify(c.headers, "POST", "/v1/token", c.answered.Add(d)); signin.KindOf(err) != signin.ProofStale {
				t.Errorf("%s, %v later: Verify: %v, want ProofStale", c.name, d, err)
			}
		}
		there := newVerifier(t, "https://signin.example.com", "http://127.0.0.1:1")
		if _, err := there.Verify(c.headers, "POST", "/v1/token", c.answered); signin.KindOf(err) != signin.ProofInvalid {
			t.Errorf("%s, elsewhere: Verify: %v, want ProofInvalid", c.name, err)
		}
	}
}

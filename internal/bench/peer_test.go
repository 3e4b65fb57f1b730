package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the program of the peer and this package must agree on is written twice, because they are in two languages.
func TestPeerKnowsTheClient(t *testing.T) {
	program, err := os.ReadFile(filepath.Join("../..", peerFolder, "server.js"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"const client = '" + peerClient + "';", "const redirect = '" + redirectURI + "';", "request.url === '" + peerTokenPath + "'",
	} {
		if !strings.Contains(string(program), want) {
			t.Errorf("the program of the peer lacks %q", want)
		}
	}
}

// A lock file that says where its packages came from makes others fetch them from there.
func TestLockFileOfThePeerNamesNoHost(t *testing.T) {
	lock, err := os.ReadFile(filepath.Join("../..", peerFolder, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{`"resolved"`, "://"} {
		if strings.Contains(string(lock), unwanted) {
			t.Errorf("the lock file has %s", unwanted)
		}
	}
}

func TestWhatCannotBeHadIsLeftOut(t *testing.T) {
	for _, test := range []struct {
		name string
		only []string
		ci   string
		want bool
	}{
		{"run of everything", nil, "", true},
		{"asked for", []string{"peer-refresh"}, "", false},
		{"asked for by its first word", []string{"peer"}, "", false},
		{"must be whole", nil, "true", false},
	} {
		t.Setenv("CI", test.ci)
		l := &lab{Options: Options{Only: test.only}}
		if got := l.mayLeaveOut("peer-refresh"); got != test.want {
			t.Errorf("%s: mayLeaveOut = %t, want %t", test.name, got, test.want)
		}
	}
}

// A peer that made fewer codes than asked for would have some redeemed twice, and answers that are refusals measured.
func TestCodesOfThePeerAreCounted(t *testing.T) {
	for answer, ok := range map[string]bool{`["a","b"]`: true, `["a"]`: false, `{}`: false, ``: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/mint" || r.FormValue("n") != "2" {
				w.WriteHeader(http.StatusBadRequest)
			}
			w.Write([]byte(answer))
		}))
		codes, err := peerCodes(t.Context(), server.Listener.Addr().String(), 2)
		if (err == nil) != ok || ok && len(codes) != 2 {
			t.Errorf("peerCodes of %q = %q, %v", answer, codes, err)
		}
		server.Close()
	}
}

func TestPeerIsAskedInItsOwnWords(t *testing.T) {
	work := peerRefreshes{"127.0.0.1:1", "offline_access", standInLogins()[:1]}
	requests, err := work.requests(context.Background(), 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"POST /token HTTP/1.1\r\n", "\r\nContent-Type: application/x-www-form-urlencoded\r\n", "\r\nDpop: ey",
		"client_id=bench", "grant_type=refresh_token", "scope=offline_access",
	} {
		if !strings.Contains(string(requests[0]), want) {
			t.Errorf("a refresh of the peer lacks %q:\n%s", want, requests[0])
		}
	}
}

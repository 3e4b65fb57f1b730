package clients

import (
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// TestEightProcesses: eight processes find one expired cache file at the same moment. No client locks it, so all of them
// refresh with the same token, and the file ends as whoever wrote last left it. All must get credentials, and the file
// must be good for the next one.
//
// Most clients also write the file in place, so a process can read it while another one has written the half of it. That
// process fails before it asks the server anything, and runs again here, as its user would make it. The default chain of
// JavaScript is left out because it hides which of the two happened.
func TestEightProcesses(t *testing.T) {
	t.Parallel()
	var s *server
	t.Cleanup(func() { // runs after the server has ended, so all of its log is there
		if s.log.find("grant=refresh_token", "status=200") == "" {
			t.Error("the log tells of no refresh that was answered")
		}
		if refused := s.log.find("grant=refresh_token", "status=4"); refused != "" {
			t.Errorf("the server refused a refresh: %s", refused)
		}
	})
	s = start(t, quickSteps)
	for _, c := range allClients() {
		if c.sdk == jsChain {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			c.require(t)
			session := login(t, s, awslogin.Options{})
			h := newHome(t, s, session)
			h.expire(t)
			for _, r := range eightAtOnce(t, c, h) {
				if readHalf(r) {
					t.Logf("%s read a cache file that was being written: %s", c.name, r.Message)
					r = c.run(t, h)
				}
				wantIdentity(t, c, r, session)
			}
			wantIdentity(t, c, c.run(t, h), session)
			h.expire(t)
			wantIdentity(t, c, c.run(t, h), session)
		})
	}
}

// eightAtOnce starts eight drivers, lets them go on together, and returns what they printed.
func eightAtOnce(t *testing.T, c client, h home) []result {
	t.Helper()
	processes := make([]*process, 8)
	for i := range processes {
		processes[i] = c.launch(t, h, "wait")
	}
	for _, p := range processes {
		p.awaitReady(t)
	}
	for _, p := range processes {
		p.proceed(t)
	}
	results := make([]result, len(processes))
	for i, p := range processes {
		results[i] = p.result(t)
	}
	return results
}

// readHalf tells whether a client failed because its cache file was not whole when it read it.
func readHalf(r result) bool {
	if r.OK || r.Stage != "credentials" {
		return false
	}
	for _, text := range []string{
		"load login token: unexpected end of JSON input", // Go
		"load login token: invalid character",            // Go
		"Failed to load token from",                      // JavaScript
		"Unable to load a existing login session",        // botocore
		"argument of type 'NoneType' is not iterable",    // botocore, between its two reads
	} {
		if strings.Contains(r.Message, text) {
			return true
		}
	}
	return false
}

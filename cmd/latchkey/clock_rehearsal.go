//go:build rehearsal

package main

import (
	"os"
	"strings"
	"time"
)

// clock tells the time as a node would whose clock is wrong by REHEARSAL_CLOCK, in a world where it is later than here by
// what the file REHEARSAL_CLOCK_FILE says, which may change at any moment. Both are durations like 3m. The build tag is
// for the tests of many nodes; no release has it.
func clock() time.Time {
	now := time.Now()
	for _, text := range []string{os.Getenv("REHEARSAL_CLOCK"), fileText(os.Getenv("REHEARSAL_CLOCK_FILE"))} {
		if d, err := time.ParseDuration(text); err == nil {
			now = now.Add(d)
		}
	}
	return now
}

func fileText(path string) string {
	if path == "" {
		return ""
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

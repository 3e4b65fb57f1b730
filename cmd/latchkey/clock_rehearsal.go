//go:build rehearsal

package main

import (
	"os"
	"time"
)

// clock tells the time as a node would whose clock is wrong by REHEARSAL_CLOCK. The build tag is for the tests of many
// nodes; no release has it.
func clock() time.Time {
	wrong, err := time.ParseDuration(os.Getenv("REHEARSAL_CLOCK"))
	if err != nil {
		return time.Now()
	}
	return time.Now().Add(wrong)
}

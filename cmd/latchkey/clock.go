//go:build !rehearsal

package main

import "time"

// clock tells the time.
func clock() time.Time { return time.Now() }

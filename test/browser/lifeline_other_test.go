//go:build !linux

package browser

import "os/exec"

// bind does nothing where no kernel ties a process to another.
func bind(*exec.Cmd) {}

//go:build !linux

package cluster

import "syscall"

// attributes are those of any program: on this system a node may outlive a test that was killed.
func attributes() *syscall.SysProcAttr { return nil }

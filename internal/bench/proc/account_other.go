//go:build !linux

package proc

import (
	"errors"
	"syscall"
	"time"
)

var errLinuxOnly = errors.New("the cost of another process can be read on Linux only")

// CPU returns an error on this system.
func (p *Process) CPU() (time.Duration, error) { return 0, errLinuxOnly }

// CPU returns an error on this system.
func (t Tree) CPU() (time.Duration, error) { return 0, errLinuxOnly }

// Self returns an error on this system.
func Self() (time.Duration, error) { return 0, errLinuxOnly }

// Memory returns an error on this system.
func (p *Process) Memory() (Memory, error) { return Memory{}, errLinuxOnly }

func dieWithParent() *syscall.SysProcAttr { return nil }

func onOneCore(func() error) error {
	return errors.New("a process can be kept on one core on Linux only")
}

//go:build !linux

package pglocal

import (
	"os"
	"syscall"
)

// attributes are those of any program: on this system a server may outlive this program.
func attributes() (*syscall.SysProcAttr, error) { return nil, nil }

func own(string) error { return nil }

// freeze knows no children here: they end by themselves when they find their parent gone.
func freeze(*os.Process) ([]int, error) { return nil, nil }

func killAll([]int) error { return nil }

func removeSegment(string) {}

package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the user and system time that all threads of the process have used, also those that ended, with the
// nanoseconds of the scheduler's own account. The fields of /proc/<pid>/stat are the same account in ticks of 10 ms.
func (p *Process) CPU() (time.Duration, error) {
	used, err := cpuOf(p.PID())
	if err != nil {
		return 0, fmt.Errorf("CPU clock of %s: %w", p.Name, err)
	}
	return used, nil
}

// CPU returns the CPU time of the process and of all that descend from it, also of those that ended and were waited for;
// of these it is exact to 10 ms.
func (t Tree) CPU() (time.Duration, error) {
	pid := int(t)
	used, err := cpuOf(pid)
	if err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("CPU of the children of process %d: %w", pid, err)
	}
	ended, err := parseEnded(string(stat))
	if err != nil {
		return 0, err
	}
	used += ended
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, list := range lists {
		children, _ := os.ReadFile(list) // a thread that is gone has none
		for _, child := range strings.Fields(string(children)) {
			number, err := strconv.Atoi(child)
			if err != nil {
				return 0, fmt.Errorf("children of process %d: %w", pid, err)
			}
			of, _ := Tree(number).CPU() // 0 when it has just ended; then its parent's account has it
			used += of
		}
	}
	return used, nil
}

// Self returns the CPU time of this program.
func Self() (time.Duration, error) {
	used, err := cpuOf(os.Getpid())
	if err != nil {
		return 0, fmt.Errorf("CPU clock of this program: %w", err)
	}
	return used, nil
}

func cpuOf(pid int) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(cpuClock(pid), &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

// cpuClock returns the id of the clock that counts the CPU time of a process, which the kernel makes of the inverted
// process id and a kind in the low bits: 2 is the scheduler's account of the whole process. It is what
// clock_getcpuclockid(3) returns.
func cpuClock(pid int) int32 {
	const scheduler = 2
	return int32(^pid<<3 | scheduler)
}

// Memory returns what the process keeps in memory now, and the most it kept.
func (p *Process) Memory() (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return Memory{}, fmt.Errorf("memory of %s: %w", p.Name, err)
	}
	m, err := parseMemory(string(text))
	if err != nil {
		return Memory{}, fmt.Errorf("memory of %s: %w", p.Name, err)
	}
	return m, nil
}

func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

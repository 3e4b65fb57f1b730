package proc

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the user and system time that all threads of the process have used, also those that ended, with the
// nanoseconds of the scheduler's own account. The fields of /proc/<pid>/stat are the same account in ticks of 10 ms.
func (p *Process) CPU() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(cpuClock(p.PID()), &t); err != nil {
		return 0, fmt.Errorf("CPU clock of %s: %w", p.Name, err)
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

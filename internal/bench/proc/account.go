package proc

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Memory is what a process keeps in memory, in bytes.
type Memory struct {
	Resident int64 // VmRSS: now
	Peak     int64 // VmHWM: the most that Resident ever was
}

// Tree is the id of a process that somebody else started, with all that descend from it.
type Tree int

// tick is the unit of CPU times in /proc/<pid>/stat (USER_HZ, 100 a second on every architecture that Linux runs Go on).
const tick = 10 * time.Millisecond

// parseEnded reads the text of /proc/<pid>/stat (proc_pid_stat(5)) and returns the CPU time of children that ended and
// were waited for: cutime and cstime, the 16th and 17th field. The second is a name in parentheses that may hold
// anything.
func parseEnded(stat string) (time.Duration, error) {
	const third, cutime, cstime = 3, 16, 17
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= cstime-third {
		return 0, fmt.Errorf("the process has no times of its children in its stat")
	}
	var ticks int64
	for _, field := range []int{cutime, cstime} {
		n, err := strconv.ParseInt(fields[field-third], 10, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("field %d of the process stat is not a number of ticks", field)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// parseMemory reads the text of /proc/<pid>/status (proc_pid_status(5)); both values there are in KiB.
func parseMemory(status string) (Memory, error) {
	var m Memory
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		var into *int64
		switch name {
		case "VmRSS":
			into = &m.Resident
		case "VmHWM":
			into = &m.Peak
		default:
			continue
		}
		number, ok := strings.CutSuffix(strings.TrimSpace(value), " kB")
		kib, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if !ok || err != nil || kib < 0 {
			return Memory{}, fmt.Errorf("%s in the process status is not a number of kB", name)
		}
		*into = kib << 10
	}
	if m.Resident == 0 || m.Peak == 0 {
		return Memory{}, fmt.Errorf("the process status has no VmRSS or no VmHWM")
	}
	return m, nil
}

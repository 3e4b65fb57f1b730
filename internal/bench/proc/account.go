package proc

import (
	"fmt"
	"strconv"
	"strings"
)

// Memory is what a process keeps in memory, in bytes.
type Memory struct {
	Resident int64 // VmRSS: now
	Peak     int64 // VmHWM: the most that Resident ever was
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

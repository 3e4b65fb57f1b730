package proc

import (
	"strings"
	"testing"
)

func TestMemoryIsReadFromStatus(t *testing.T) {
	const status = "Name:\tlatchkey\nVmPeak:\t 1250000 kB\nVmHWM:\t   43210 kB\nVmRSS:\t   40960 kB\nThreads:\t9\n"
	got, err := parseMemory(status)
	want := Memory{Resident: 40960 << 10, Peak: 43210 << 10}
	if err != nil || got != want {
		t.Errorf("parseMemory = %+v, %v, want %+v", got, err, want)
	}
}

// A process that ended has a status without memory. Zero would pass every limit, so it must be an error.
func TestStatusWithoutMemoryIsAnError(t *testing.T) {
	for _, status := range []string{
		"",
		"Name:\tlatchkey\nState:\tZ (zombie)\n",
		"VmHWM:\t 10 kB\n",
		"VmHWM:\t 10 kB\nVmRSS:\t 10 MB\n",
		"VmHWM:\t 10 kB\nVmRSS:\t many kB\n",
		"VmHWM:\t 10 kB\nVmRSS:\t -1 kB\n",
	} {
		if got, err := parseMemory(status); err == nil {
			t.Errorf("parseMemory(%q) = %+v, want an error", strings.TrimSpace(status), got)
		}
	}
}

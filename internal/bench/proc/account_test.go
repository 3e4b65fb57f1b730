package proc

import (
	"strings"
	"testing"
	"time"
)

func TestMemoryIsReadFromStatus(t *testing.T) {
	const status = "Name:\tlatchkey\nVmPeak:\t 1250000 kB\nVmHWM:\t   43210 kB\nVmRSS:\t   40960 kB\nThreads:\t9\n"
	got, err := parseMemory(status)
	want := Memory{Resident: 40960 << 10, Peak: 43210 << 10}
	if err != nil || got != want {
		t.Errorf("parseMemory = %+v, %v, want %+v", got, err, want)
	}
}

func TestTimesOfEndedChildren(t *testing.T) {
	const stat = "4711 (a b) c) S 1 4711 4711 0 -1 4194560 2311 98765 0 12 30 40 250 50 20 0 1 0 1234"
	if got, err := parseEnded(stat); err != nil || got != 3*time.Second {
		t.Errorf("parseEnded = %s, %v, want 3s", got, err)
	}
	for _, bad := range []string{"", "1 (a) S 1 1", "1 (a) S 1 1 1 0 0 0 0 0 0 0 0 0 x 0 0 0"} {
		if got, err := parseEnded(bad); err == nil {
			t.Errorf("parseEnded(%q) = %s, want an error", bad, got)
		}
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

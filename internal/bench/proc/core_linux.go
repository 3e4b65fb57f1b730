package proc

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// onOneCore calls start on a thread that may run on the last of its cores alone, which a child that start makes inherits
// (sched_setaffinity(2)), and gives the thread its cores back. The caller has locked the thread.
func onOneCore(start func() error) error {
	const thisThread = 0
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(thisThread, &all); err != nil {
		return fmt.Errorf("ask for the cores: %w", err)
	}
	one.Set(last(&all))
	if err := unix.SchedSetaffinity(thisThread, &one); err != nil {
		return fmt.Errorf("keep to one core: %w", err)
	}
	err := start()
	if e := unix.SchedSetaffinity(thisThread, &all); err == nil && e != nil {
		return fmt.Errorf("use all cores again: %w", e)
	}
	return err
}

// last returns the highest core of the set, which has one.
func last(set *unix.CPUSet) int {
	core := len(set)*64 - 1 // the set is words of at most 64 bits
	for core > 0 && !set.IsSet(core) {
		core--
	}
	return core
}

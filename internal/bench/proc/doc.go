// Package proc turns a command line into a child process that never outlives its parent, and tells what the process
// has cost: CPU time in nanoseconds, resident memory now and at its peak.
//
// It measures from outside, by what the kernel has counted, so the process under test runs exactly as it does for
// its users. CPU time and memory can be read on Linux only; elsewhere the methods return an error.
package proc

package browser

import (
	"os/exec"
	"syscall"
)

// bind makes the kernel end the process with the thread that starts it, so that a test that is killed leaves nothing
// behind.
func bind(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

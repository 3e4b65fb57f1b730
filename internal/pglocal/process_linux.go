package pglocal

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runAs is the user that root runs the programs as.
const runAs = "postgres"

// attributes let a program die with this one, and run as another user where this one is root. SIGQUIT is PostgreSQL's
// immediate shutdown, which ends its children too.
func attributes() (*syscall.SysProcAttr, error) {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return a, nil
	}
	uid, gid, err := ids()
	if err != nil {
		return nil, err
	}
	a.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return a, nil
}

func ids() (uid, gid int, err error) {
	u, err := user.Lookup(runAs)
	if err != nil {
		return 0, 0, fmt.Errorf("PostgreSQL does not run as root, and there is no user %s to run it as: %w", runAs, err)
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	return uid, gid, errors.Join(uidErr, gidErr)
}

// own gives the folder to the user that the programs run as, and sees to it that the user can get there.
func own(folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := ids()
	if err != nil {
		return err
	}
	if err := os.Chown(folder, uid, gid); err != nil {
		return err
	}
	for above := filepath.Dir(folder); above != "/"; above = filepath.Dir(above) {
		info, err := os.Stat(above)
		if err != nil {
			return err
		}
		if info.Mode()&0o001 != 0 {
			continue
		}
		// The temporary folder of a test is closed to other users; to be passed through does no harm to it.
		if !strings.HasPrefix(above, filepath.Clean(os.TempDir())+"/") {
			return fmt.Errorf("the user %s cannot get into %s; choose a folder elsewhere", runAs, above)
		}
		if err := os.Chmod(above, info.Mode()|0o011); err != nil {
			return err
		}
	}
	return nil
}

// freeze stops p, so that it starts nothing more, and returns the processes that it has started.
func freeze(p *os.Process) ([]int, error) {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if parent, _ := parentAndState(pid); parent == p.Pid {
			children = append(children, pid)
		}
	}
	return children, nil
}

// parentAndState returns the fields of that name of /proc/<pid>/stat (proc_pid_stat(5)); 0 and "" when pid is gone.
func parentAndState(pid int) (parent int, state string) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, ""
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 2 {
		return 0, ""
	}
	parent, err = strconv.Atoi(fields[1])
	if err != nil {
		return 0, ""
	}
	return parent, fields[0]
}

// killAll kills processes whose parent is dead, and returns when they are gone. Nobody may be there to collect them, so
// a zombie is gone too.
func killAll(children []int) error {
	for _, pid := range children {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
	}
	for _, pid := range children {
		for tries := 0; ; tries++ {
			if _, state := parentAndState(pid); state == "" || state == "Z" || state == "X" {
				break
			}
			if tries == 2000 {
				return fmt.Errorf("process %d does not end", pid)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}

// removeSegment removes the segment of shared memory by which two servers on the same data find each other, and which
// one that was killed leaves behind. Its id is in the seventh line of postmaster.pid, behind its key.
func removeSegment(data string) {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 7 {
		return
	}
	if fields := strings.Fields(lines[6]); len(fields) == 2 {
		if id, err := strconv.Atoi(fields[1]); err == nil {
			_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		}
	}
}

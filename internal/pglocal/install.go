package pglocal

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

// programs are what a server and a standby take.
var programs = []string{"initdb", "postgres", "pg_basebackup"}

// Installed returns nil when this machine has the programs of a PostgreSQL server, and an error that says what to install
// otherwise. They are looked for in the folders of PATH, and then where Debian keeps them.
func Installed() error {
	_, err := binaries()
	return err
}

// binaries returns the folder that holds all programs.
func binaries() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if folder := filepath.Dir(path); complete(folder) {
			return filepath.Abs(folder)
		}
	}
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	newest, found := 0, ""
	for _, folder := range folders {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		if err == nil && version > newest && complete(folder) {
			newest, found = version, folder
		}
	}
	if found == "" {
		return "", errors.New("PostgreSQL is not installed: neither PATH nor /usr/lib/postgresql has initdb, postgres and pg_basebackup; install the package postgresql")
	}
	return found, nil
}

func complete(folder string) bool {
	for _, program := range programs {
		if _, err := exec.LookPath(filepath.Join(folder, program)); err != nil {
			return false
		}
	}
	return true
}

// lastLines returns the end of what a program said, for an error.
func lastLines(said []byte) string {
	const most = 2 << 10
	if len(said) > most {
		said = said[len(said)-most:]
	}
	return fmt.Sprintf("its last words:\n%s", said)
}

//go:build unix

package config

import (
	"io/fs"
	"syscall"
)

// ofRoot tells whether the superuser owns the file.
func ofRoot(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0
}

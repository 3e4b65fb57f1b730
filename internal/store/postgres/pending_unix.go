//go:build linux || darwin || freebsd

package postgres

import (
	"net"
	"syscall"
)

// pending tells whether the server sent something that was not asked for, or its end of the connection is closed. It does
// not wait, and takes a microsecond.
func pending(c net.Conn) bool {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = wrapped.NetConn()
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	var quiet bool
	// Not Read, which waits while another reads: the library may have left a goroutine behind that does.
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN
	})
	return err != nil || !quiet
}

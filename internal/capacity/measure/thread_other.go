//go:build !linux

package measure

import (
	"errors"
	"time"
)

func ofThread(func() error) (time.Duration, error) {
	return 0, errors.New("the cost of a thread can be read on Linux only")
}

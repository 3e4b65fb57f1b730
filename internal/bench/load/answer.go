package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	maxHeaderLines = 64
	maxBody        = 64 << 10 // bytes; answers of the service stay below 10,000
)

// Answer is what came back for one request.
type Answer struct {
	Status int
	Header []string // lines as sent, without the end of line
	Body   []byte
}

// reader finds answers in what a connection sends.
type reader struct {
	*bufio.Reader
}

// next reads one answer. It returns header and body only where keep is true or the status is not 200: to allocate
// nothing for the usual answer keeps the generator out of the measurement.
func (r reader) next(keep bool) (Answer, error) {
	var a Answer
	line, err := r.line()
	if err != nil {
		return a, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return a, errors.New("the answer does not begin with an HTTP/1.1 status line")
	}
	if a.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, fmt.Errorf("status of the answer: %w", err)
	}
	keep = keep || a.Status != 200

	length := -1
	for range maxHeaderLines {
		if line, err = r.line(); err != nil {
			return a, err
		}
		if len(line) == 0 {
			return r.body(a, length, keep)
		}
		if keep {
			a.Header = append(a.Header, string(line))
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return a, fmt.Errorf("Content-Length of the answer: %w", err)
			}
		}
	}
	return a, fmt.Errorf("the answer has more than %d header lines", maxHeaderLines)
}

func (r reader) body(a Answer, length int, keep bool) (Answer, error) {
	if length < 0 || length > maxBody {
		return a, fmt.Errorf("the answer (status %d) has no Content-Length between 0 and %d", a.Status, maxBody)
	}
	if !keep {
		_, err := r.Discard(length)
		return a, err
	}
	a.Body = make([]byte, length)
	_, err := io.ReadFull(r, a.Body)
	return a, err
}

// line returns the next line without its end; it is valid until the next read.
func (r reader) line() ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

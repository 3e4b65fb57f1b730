package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// output is where a command reads and prints. Results go to stdout, so that a script can take them; everything else goes
// to stderr.
type output struct {
	stdin, stdout, stderr *os.File
}

// line prints a result.
func (o *output) line(format string, args ...any) { fmt.Fprintf(o.stdout, format+"\n", args...) }

// note tells a person what happened, or what to do next.
func (o *output) note(format string, args ...any) { fmt.Fprintf(o.stderr, format+"\n", args...) }

// json prints v as one line of JSON.
func (o *output) json(v any) error { return json.NewEncoder(o.stdout).Encode(v) }

// list prints rows, one line each, or as JSON.
func list[T any](o *output, asJSON bool, rows []T, line func(T) string) error {
	if asJSON {
		return o.json(rows)
	}
	for _, r := range rows {
		o.line("%s", line(r))
	}
	return nil
}

// maxPasswordLine is more than any password that is accepted.
const maxPasswordLine = 4096

// newPassword asks for a new password: twice at a terminal, once from a pipe.
func (o *output) newPassword(ctx context.Context) (string, error) {
	if !term.IsTerminal(int(o.stdin.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(o.stdin, maxPasswordLine)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", fmt.Errorf("read password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := o.ask(ctx, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := o.ask(ctx, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", fmt.Errorf("the two passwords differ; nothing was changed")
	}
	return first, nil
}

// ask reads a line from the terminal without echo. When ctx ends, which is what Ctrl-C does, it restores the terminal.
func (o *output) ask(ctx context.Context, prompt string) (string, error) {
	fd := int(o.stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	fmt.Fprint(o.stderr, prompt)
	defer fmt.Fprintln(o.stderr)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		if l.err != nil {
			return "", fmt.Errorf("read password: %w", l.err)
		}
		return string(l.text), nil
	case <-ctx.Done():
		if err := term.Restore(fd, before); err != nil {
			return "", fmt.Errorf("restore the terminal: %w", err)
		}
		return "", errInterrupted
	}
}

var errInterrupted = errors.New("interrupted; nothing was changed")

package main

import (
	"bufio"
	"encoding/json"
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
func (o *output) newPassword() (string, error) {
	if !term.IsTerminal(int(o.stdin.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(o.stdin, maxPasswordLine)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", fmt.Errorf("read password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := o.ask("Password: ")
	if err != nil {
		return "", err
	}
	second, err := o.ask("Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", fmt.Errorf("the two passwords differ; nothing was changed")
	}
	return first, nil
}

func (o *output) ask(prompt string) (string, error) {
	fmt.Fprint(o.stderr, prompt)
	b, err := term.ReadPassword(int(o.stdin.Fd()))
	fmt.Fprintln(o.stderr)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	return string(b), nil
}

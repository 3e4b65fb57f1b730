package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal returns the end of a pseudo-terminal that a command reads from. Nobody types at the other.
func terminal(t *testing.T) (command *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	command, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Close() })
	return command
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return s.Lflag&unix.ECHO != 0
}

// Ctrl-C at the password prompt, which ends the context of the command, ends the question and gives the terminal back.
func TestInterruptedPasswordPromptRestoresTheTerminal(t *testing.T) {
	command := terminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := &output{stdin: command, stdout: command, stderr: command}
	answer := make(chan error, 1)
	go func() {
		_, err := o.ask(ctx, "Password: ")
		answer <- err
	}()
	for began := time.Now(); echoes(t, command); time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the prompt shows what is typed")
		}
	}
	cancel()
	select {
	case err := <-answer:
		if !errors.Is(err, errInterrupted) {
			t.Errorf("ask = %v, want %v", err, errInterrupted)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the prompt goes on after Ctrl-C")
	}
	if !echoes(t, command) {
		t.Error("the terminal does not show what is typed any more")
	}
}

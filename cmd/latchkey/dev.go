package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/server"
)

type devCmd struct {
	Listen      string `help:"Loopback address and port to serve on; port 0 takes a free one." default:"127.0.0.1:8080" placeholder:"ADDR"`
	Data        string `help:"Directory to keep everything in, for the next start. Default: a temporary one, deleted at the end." placeholder:"DIR"`
	AutoApprove bool   `help:"Sign the sample person in without pages: /v1/authorize answers with a code at once. For tests."`
	Config      string `help:"YAML file with other lifetimes and limits, or any key of latchkey.yaml but listen, base_urls, data, database, root_key and tls." placeholder:"FILE"`
}

func (cmd devCmd) Run(ctx context.Context, o *output) error {
	listener, err := cmd.listen()
	if err != nil {
		return err
	}
	defer listener.Close()
	data, cleanup, err := cmd.data()
	if err != nil {
		return err
	}
	defer cleanup()
	release, err := lockData(data)
	if err != nil {
		return err
	}
	defer release()
	cfg, err := cmd.config(data, listener.Addr().String())
	if err != nil {
		return err
	}
	root, err := cfg.RootKey.Load(ctx)
	if err != nil {
		return err
	}
	dev := &server.Development{}
	if cmd.AutoApprove {
		dev.AutoApprove = samplePerson
	}
	return serve(ctx, o, cfg, root, listener, dev, func(in *installation) error {
		sample, err := addSample(ctx, in, time.Now())
		if err != nil {
			return fmt.Errorf("make the sample account: %w", err)
		}
		sample.print(o, cfg, cmd)
		return nil
	})
}

// listen refuses addresses that other machines could reach: the server has a sample account and no TLS.
func (cmd devCmd) listen() (net.Listener, error) {
	host, port, err := net.SplitHostPort(cmd.Listen)
	if err != nil {
		return nil, usageError("--listen needs an address and a port, like 127.0.0.1:8080")
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.IsLoopback() {
		return nil, usageError("latchkey dev listens on loopback only, like 127.0.0.1:8080; for others to reach it, use latchkey serve")
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w. Use --listen 127.0.0.1:0 for a free port", cmd.Listen, err)
	}
	return l, nil
}

// data returns the directory to keep everything in, and what to do with it at the end.
func (cmd devCmd) data() (dir string, cleanup func(), err error) {
	if cmd.Data == "" {
		dir, err = os.MkdirTemp("", "latchkey-dev-")
		return dir, func() { os.RemoveAll(dir) }, err
	}
	dir, err = filepath.Abs(cmd.Data)
	if err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("the data directory cannot be made: %w", err)
	}
	return dir, func() {}, nil
}

// devHead is the first line of the configuration that dev writes, by which it knows its own.
const devHead = "# Written by latchkey dev at every start, for the other commands.\n"

// config makes the files of an installation in dir, so that the administration commands work on it with
// --config DIR/latchkey.yaml, and returns what is in them.
func (cmd devCmd) config(dir, addr string) (config.Config, error) {
	path := filepath.Join(dir, configFile)
	old, err := os.ReadFile(path)
	if err == nil && !strings.HasPrefix(string(old), devHead) {
		return config.Config{}, fmt.Errorf("%s is of another installation, which latchkey dev must not change: give another directory with --data", path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return config.Config{}, err
	}
	initial := initCmd{Dir: dir}
	if err := initial.writeKey(); err != nil && !errors.Is(err, errThere) {
		return config.Config{}, err
	}
	text, err := cmd.configText(addr)
	if err != nil {
		return config.Config{}, err
	}
	return writeConfig(path, text)
}

// writeConfig replaces the file at path and reads it back.
func writeConfig(path, text string) (config.Config, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return config.Config{}, err
	}
	if err := writeNew(path, text); err != nil {
		return config.Config{}, err
	}
	return config.Read(path)
}

// configText returns the configuration of a server on addr.
func (cmd devCmd) configText(addr string) (string, error) {
	bases := []string{"http://" + addr}
	if host, port, err := net.SplitHostPort(addr); err == nil && host != "localhost" {
		bases = append(bases, "http://"+net.JoinHostPort("localhost", port))
	}
	overlay := ""
	if cmd.Config != "" {
		b, err := os.ReadFile(cmd.Config)
		if err != nil {
			return "", fmt.Errorf("read --config: %w", err)
		}
		if err := checkOverlay(b); err != nil {
			return "", fmt.Errorf("%s: %w", cmd.Config, err)
		}
		overlay = string(b)
	}
	text := fmt.Sprintf("%slisten: %q\nbase_urls: [\"%s\"]\ndata: .\nroot_key: {file: %s}\n", devHead, addr, strings.Join(bases, `", "`), rootKeyFile)
	if !setsLog(overlay) {
		text += "log: {format: text}\n"
	}
	return text + overlay, nil
}

// checkOverlay reads a --config by itself, so that errors name its own lines, and refuses the keys that dev sets.
func checkOverlay(text []byte) error {
	before := config.Default()
	c := config.Default()
	if err := c.Overlay(text); err != nil {
		return err
	}
	if c.Listen != before.Listen || len(c.BaseURLs) > 0 || c.Data != "" || !reflect.DeepEqual(c.RootKey, before.RootKey) || c.TLS != before.TLS || c.Database != before.Database {
		return errors.New("latchkey dev sets listen, base_urls, data, database, root_key and tls itself: leave them out")
	}
	return nil
}

func setsLog(overlay string) bool {
	for line := range strings.Lines(overlay) {
		if strings.HasPrefix(line, "log:") {
			return true
		}
	}
	return false
}

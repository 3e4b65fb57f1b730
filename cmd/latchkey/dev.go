package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/server"
)

type devCmd struct {
	Listen      string `help:"Loopback address and port to serve on; port 0 takes a free one." default:"127.0.0.1:8080" placeholder:"ADDR"`
	Data        string `help:"Directory to keep everything in, for the next start. Default: a temporary one, deleted at the end." placeholder:"DIR"`
	AutoApprove bool   `help:"Sign the sample person in without pages: /v1/authorize answers with a code at once. For tests."`
	Config      string `help:"YAML file with other lifetimes and limits, or any key of latchkey.yaml but listen, base_urls, data, root_key and tls." placeholder:"FILE"`
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
	root, err := cfg.RootKey.Load()
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
		sample.print(o, cfg, cmd.AutoApprove)
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

// config makes the files of an installation in dir, so that the administration commands work on it with
// --config DIR/latchkey.yaml, and returns what is in them.
func (cmd devCmd) config(dir, addr string) (config.Config, error) {
	initial := initCmd{Dir: dir}
	if err := initial.writeKey(); err != nil && !errors.Is(err, errThere) {
		return config.Config{}, err
	}
	overlay := ""
	if cmd.Config != "" {
		text, err := os.ReadFile(cmd.Config)
		if err != nil {
			return config.Config{}, fmt.Errorf("read --config: %w", err)
		}
		overlay = string(text)
	}
	bases := []string{"http://" + addr}
	if _, port, err := net.SplitHostPort(addr); err == nil {
		bases = append(bases, "http://localhost:"+port)
	}
	path := filepath.Join(dir, configFile)
	text := fmt.Sprintf("# Written by latchkey dev at every start, for the other commands.\n"+
		"listen: %s\nbase_urls: [%s]\ndata: .\nroot_key: {file: "+rootKeyFile+"}\n%s",
		addr, strings.Join(bases, ", "), withLog(overlay))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return config.Config{}, err
	}
	return config.Read(path)
}

// withLog adds the log format of development, unless the overlay has its own.
func withLog(overlay string) string {
	for line := range strings.Lines(overlay) {
		if strings.HasPrefix(line, "log:") {
			return overlay
		}
	}
	return "log: {format: text}\n" + overlay
}

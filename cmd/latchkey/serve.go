package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/net/netutil"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/server"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/telemetry"
)

type serveCmd struct {
	configFlag
}

func (cmd serveCmd) Run(ctx context.Context, o *output) error {
	cfg, err := config.Read(cmd.Config)
	if err != nil {
		return err
	}
	root, err := cfg.RootKey.Load(ctx)
	if err != nil {
		return err
	}
	if err := cfg.TLS.Check(); err != nil {
		return err
	}
	if !cfg.Database.Shared() {
		release, err := lockData(cfg.Data)
		if err != nil {
			return err
		}
		defer release()
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w. Change listen (and base_urls, if it names the port), or stop what uses the port", cfg.Listen, err)
	}
	return serve(ctx, o, cfg, root, listener, nil, nil)
}

// serve runs the server until ctx ends, then lets the requests under way finish. ready, which may be nil, is called with
// the store before the server says that it is ready. The caller has locked the data directory.
func serve(ctx context.Context, o *output, cfg config.Config, root *keyring.Root, listener net.Listener, dev *server.Development, ready func(*installation) error) error {
	defer listener.Close()
	logs := newLogWriter(o.stderr)
	defer logs.Close()
	log := newLog(logs, cfg.Log)
	metrics := server.NewMetrics()
	exporter, err := telemetry.Start(ctx, telemetry.Options{
		Endpoint: cfg.Telemetry.Endpoint, Sample: cfg.Telemetry.Sample, Interval: cfg.Telemetry.Interval,
		Version: version, Registry: metrics.Registry(), Log: log,
	}, clock())
	if err != nil {
		return err
	}
	defer stopTelemetry(context.WithoutCancel(ctx), exporter, log)
	_, missing := os.Stat(filepath.Join(cfg.Data, databaseFile))
	fresh := missing != nil && dev == nil && !cfg.Database.Shared()
	st, err := openStore(ctx, cfg, observeStore(metrics, exporter))
	if err != nil {
		return err
	}
	defer st.Close()
	if w, ok := st.(interface{ Warnings() []string }); ok {
		for _, warning := range w.Warnings() {
			log.Warn("the database may lose what was answered: "+warning, "see", "docs/operations.md, Many nodes")
		}
	}
	if fresh {
		log.Warn("made a new database, which has nobody in it yet", "data", cfg.Data)
	}
	handler, err := server.New(ctx, server.Options{
		Config: cfg, Store: st, Root: root, Metrics: metrics, Log: log, Telemetry: exporter, Clock: clock, Development: dev,
	})
	if errors.Is(err, keyring.ErrWrongRoot) {
		return fmt.Errorf("%w. Restore the root key that belongs to this database, or name its place in root_key.also", err)
	}
	if err != nil {
		return err
	}
	defer handler.Close()

	stopMetrics, err := serveMetrics(cfg.MetricsListen, metrics.Handler(), log)
	if err != nil {
		return err
	}
	defer stopMetrics()

	s := newHTTPServer(handler, log)
	failed := make(chan error, 1)
	listener = netutil.LimitListener(listener, cfg.Limits.Connections)
	go func() { failed <- listenAndServe(s, listener, cfg.TLS) }()
	if ready != nil {
		if err := ready(&installation{Store: st, cfg: cfg}); err != nil {
			return err
		}
	}
	if dev != nil {
		log.Warn("this server is for development: it has a sample account and listens on this computer only")
	}
	log.Info("ready", "version", version, "listen", listener.Addr().String(), "base_urls", cfg.BaseURLs, "development", dev != nil)
	o.line("ready %s", cfg.BaseURLs[0])

	select {
	case err := <-failed:
		return fmt.Errorf("the server stopped: %w", err)
	case <-ctx.Done():
	}
	drain(context.WithoutCancel(ctx), s, handler, cfg.Shutdown, log)
	return nil
}

// observeStore tells the metrics of each operation of the store, and the trace of the request that it was for.
func observeStore(metrics *server.Metrics, exporter *telemetry.Exporter) store.Observer {
	if exporter == nil {
		return metrics.ObserveStore
	}
	return func(ctx context.Context, operation string, took time.Duration, err error) {
		metrics.ObserveStore(ctx, operation, took, err)
		ended := time.Now()
		exporter.Child(ctx, "store "+operation, ended.Add(-took), ended, err)
	}
}

// flushFor is how long the last traces and metrics may take on their way.
const flushFor = 3 * time.Second

func stopTelemetry(ctx context.Context, exporter *telemetry.Exporter, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, flushFor)
	defer cancel()
	if err := exporter.Stop(ctx, clock()); err != nil {
		log.Warn("the last traces or metrics were not sent", "error", err)
	}
}

// drain goes on serving while /readyz says that the server is about to stop, then takes no new connections and lets the
// requests under way finish.
func drain(ctx context.Context, s *http.Server, handler *server.Server, c config.Shutdown, log *slog.Logger) {
	handler.Drain()
	if c.Delay > 0 {
		log.Info("not ready any more: load balancers may look elsewhere", "stops_in", c.Delay.String())
		time.Sleep(c.Delay)
	}
	log.Info("stopping: requests under way may finish", "at_most", c.Timeout.String())
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		log.Warn("some requests did not finish in time", "error", err)
	}
	log.Info("stopped")
}

func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

func listenAndServe(s *http.Server, l net.Listener, t config.TLS) error {
	if t.Certificate == "" {
		return s.Serve(l)
	}
	pair, err := newKeyPair(t)
	if err != nil {
		return err
	}
	s.TLSConfig = &tls.Config{GetCertificate: pair.get}
	return s.ServeTLS(l, "", "")
}

// serveMetrics answers /metrics on addr, if there is one.
func serveMetrics(addr string, h http.Handler, log *slog.Logger) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s for metrics: %w. Change metrics_listen", addr, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h)
	s := newHTTPServer(mux, log)
	go s.Serve(l)
	log.Info("metrics", "url", "http://"+l.Addr().String()+"/metrics")
	return func() { s.Close() }, nil
}

// newLog returns a log as the configuration wants it.
func newLog(w *logWriter, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // Check allows no other
	}
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}

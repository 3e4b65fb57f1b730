package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// openLimit is how long Open may take, with the wait for another node that migrates.
	openLimit = 2 * time.Minute
	// operationLimit is how long a call may take whose context sets no earlier end. The server gives up before, and says
	// why.
	operationLimit = 15 * time.Second
	// connectLimit is how long the way to one host may take.
	connectLimit = 5 * time.Second
	// pingLimit is how long a connection that was quiet may take to answer before it is taken for dead.
	pingLimit = 2 * time.Second
)

// limits are what the server does to a session of ours, unless the URL says otherwise. Milliseconds.
var limits = map[string]string{
	"statement_timeout":                   "10000",
	"idle_in_transaction_session_timeout": "3000",
	"application_name":                    "latchkey",
}

var errURL = errors.New("the URL of the database cannot be read; it has the form postgres://user:password@host:port/database, " +
	"where special characters of the password are percent-encoded, and options behind a question mark")

// configure returns how to connect to the database at url for reading and writing.
func configure(url string, connections int, tracer pgx.QueryTracer) (*pgxpool.Config, error) {
	c, err := configureAny(url, connections, tracer)
	if err != nil {
		return nil, err
	}
	if c.ConnConfig.ValidateConnect == nil {
		c.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return c, nil
}

// configureAny is configure for a server that need not take writes.
func configureAny(url string, connections int, tracer pgx.QueryTracer) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL // what the library says may hold a part of the password
	}
	if verified := verifyRemote(url, &c.ConnConfig.Config); verified != url {
		if c, err = pgxpool.ParseConfig(verified); err != nil || mayBePlain(&c.ConnConfig.Config) {
			return nil, errURL
		}
	}
	if c.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return nil, errors.New("the simple protocol is not used, because it puts values into the text of statements; take default_query_exec_mode out of the URL")
	}
	c.MaxConns = defaultConnections
	if connections > 0 {
		c.MaxConns = int32(min(connections, 10_000))
	}
	// A connection that a firewall forgot, or whose server is gone, is noticed when it is taken from the pool.
	c.PingTimeout = pingLimit
	c.ConnConfig.DialFunc = (&net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
	}).DialContext
	if !strings.Contains(url, "connect_timeout") {
		c.ConnConfig.ConnectTimeout = connectLimit
	}
	for name, value := range limits {
		if _, given := c.ConnConfig.RuntimeParams[name]; !given {
			c.ConnConfig.RuntimeParams[name] = value
		}
	}
	c.ConnConfig.Tracer = tracer
	c.AfterConnect = settle
	return c, nil
}

// connect returns a connection beside the pools.
func connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	c, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return nil, err
	}
	if err := settle(ctx, c); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

// settle makes sure of what the promises of the contract rest on. A server that does not know a parameter has no choice
// in it.
func settle(ctx context.Context, c *pgx.Conn) error {
	var encoding, commit *string
	err := c.QueryRow(ctx, `SELECT current_setting('server_encoding', true), current_setting('synchronous_commit', true)`).Scan(&encoding, &commit)
	if err != nil {
		return err
	}
	if encoding != nil && !strings.EqualFold(*encoding, "UTF8") {
		return fmt.Errorf("its encoding is %s, which cannot hold all names; create the database with ENCODING 'UTF8'", *encoding)
	}
	if commit != nil && *commit == "off" {
		// What was answered would be lost when the server crashes.
		_, err = c.Exec(ctx, `SET synchronous_commit TO 'on'`)
	}
	return err
}

// place names the database in errors.
func place(c *pgx.ConnConfig) string {
	hosts := []string{net.JoinHostPort(c.Host, fmt.Sprint(c.Port))}
	for _, f := range c.Fallbacks {
		if host := net.JoinHostPort(f.Host, fmt.Sprint(f.Port)); host != hosts[len(hosts)-1] {
			hosts = append(hosts, host)
		}
	}
	return c.Database + " at " + strings.Join(hosts, ", ")
}

package postgres

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func port(c *pgx.ConnConfig) string { return fmt.Sprint(c.Port) }

// protection says how the way to the server is protected: "verified" everywhere, "as told" otherwise.
func protection(c *pgx.ConnConfig) string {
	verified := func(t *tls.Config) bool { return t != nil && !t.InsecureSkipVerify && t.ServerName != "" }
	all := verified(c.TLSConfig)
	for _, f := range c.Fallbacks {
		all = all && verified(f.TLSConfig)
	}
	if all {
		return "verified"
	}
	return "as told"
}

func TestRemoteServerIsVerifiedUnlessToldOtherwise(t *testing.T) {
	for connection, want := range map[string]string{
		"postgres://u@db.example/x":                           "verified",
		"postgresql://u:p@db.example:5432/x":                  "verified",
		"postgres://u@192.0.2.1/x?connect_timeout=3":          "verified",
		"postgres://u@db.example/x?application_name=sslmode":  "verified",
		"postgres://a.example,b.example/x":                    "verified",
		"postgres://127.0.0.1,b.example/x":                    "verified",
		"postgres://u@[2001:db8::1]/x":                        "verified",
		"host=db.example user=u dbname=x":                     "verified",
		"host=db.example user=u password='a sslmode=disable'": "verified",
		`host=db.example user=u password=a\ sslmode=disable`:  "verified",
		"postgres://u@db.example/x?sslmode=verify-full":       "verified",
		"postgres://u@db.example/x?sslmode=disable":           "as told",
		"postgres://u@db.example/x?sslmode=allow":             "as told",
		"postgres://u@db.example/x?sslmode=prefer":            "as told",
		"postgres://u@db.example/x?sslmode=require":           "as told",
		"postgres://u@db.example/x?ssl=true":                  "as told",
		"host=db.example sslmode = 'prefer' user=u":           "as told",
		"postgres://u@localhost/x":                            "as told",
		"postgres://u@127.0.0.1:5433/x":                       "as told",
		"postgres://u@[::1]/x":                                "as told",
		"postgres:///x?host=/run/postgresql":                  "as told",
		"host=/run/postgresql user=u":                         "as told",
	} {
		primary, err := configure(connection, 1, nil)
		must(t, "configure "+connection, err)
		standby, err := configureAny(connection, 1, nil)
		must(t, "configureAny "+connection, err)
		if got := protection(primary.ConnConfig); got != want || protection(standby.ConnConfig) != want {
			t.Errorf("the way to %s is %s, and of a replica %s, want %s", connection, got, protection(standby.ConnConfig), want)
		}
	}
	if c, err := configure("postgres://u@db.example/x?a=b#c", 1, nil); err == nil && protection(c.ConnConfig) != "verified" {
		t.Error("configure takes a URL in which nothing can be added, and goes on unverified")
	}
	t.Setenv("PGSSLMODE", "prefer")
	told, err := configure("postgres://u@db.example/x", 1, nil)
	must(t, "configure", err)
	if got := protection(told.ConnConfig); got != "as told" {
		t.Errorf("with PGSSLMODE=prefer the way is %s, want as told", got)
	}
}

// impostor answers the request for TLS with a byte, and goes on with TLS if that is S. What else it is sent goes to plain.
func impostor(t *testing.T, answer byte) (address string, plain chan int) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate, which nobody trusts
	t.Cleanup(web.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "Listen", err)
	t.Cleanup(func() { _ = l.Close() })
	plain = make(chan int, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadFull(c, make([]byte, 8))
			_, _ = c.Write([]byte{answer})
			if answer == 'S' {
				_ = tls.Server(c, &tls.Config{Certificates: web.TLS.Certificates}).Handshake()
			} else {
				sent, _ := io.ReadAll(c)
				plain <- len(sent)
			}
			_ = c.Close()
		}
	}()
	return l.Addr().String(), plain
}

func TestServerThatCannotProveItselfIsNotSpokenTo(t *testing.T) {
	for _, answer := range []byte{'S', 'N'} {
		address, plain := impostor(t, answer)
		config, err := configure("postgres://u:"+marker+"@db.example/x", 1, nil)
		must(t, "configure", err)
		config.ConnConfig.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil }
		config.ConnConfig.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}
		_, err = connect(t.Context(), config.ConnConfig)
		if err = explain(err); err == nil || !strings.Contains(err.Error(), "sslrootcert=FILE") || strings.Contains(err.Error(), marker) {
			t.Errorf("connect to a server that answers %c = %v, want an error that says what to do", answer, err)
		}
		if answer == 'N' {
			if n := <-plain; n != 0 {
				t.Errorf("a server that refuses TLS was sent %d bytes", n)
			}
		}
	}
}

package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

var (
	errClosed = errors.New("the store is closed")
	errText   = errors.New("text is not valid UTF-8, or holds a NUL")
	// errUnknown: the connection broke between the question and the answer.
	errUnknown = errors.New("the database was lost before it answered, so it is not known whether the change was made")
)

// named puts the name of the operation, as "redeem code", before err, and behind it what may help.
func named(operation string, err error) error {
	if err == nil {
		return nil
	}
	told := fmt.Errorf("%s: %w", strings.ReplaceAll(operation, "_", " "), explain(err))
	if away(err) {
		return signin.RefuseBecause(told, signin.Overloaded, "The database does not answer at the moment. Try again shortly.")
	}
	return told
}

// away tells whether err is that the server cannot be reached, and nothing has happened there.
func away(err error) bool {
	if errors.Is(err, errUnknown) || errors.Is(err, context.Canceled) {
		return false
	}
	_, isConnect := errors.AsType[*pgconn.ConnectError](err)
	_, isNet := errors.AsType[net.Error](err)
	return isConnect || isNet || errors.Is(err, context.DeadlineExceeded)
}

// hints says, by SQLSTATE or its class, what an operator can do.
var hints = map[string]string{
	"28":                "the server refused the login; check user and password in the URL of the database, and pg_hba.conf on the server",
	"3D000":             "there is no database of that name; create it, or check the URL of the database",
	"42501":             "the user of the URL may not do that; make it the owner of the database and its schema",
	readOnlyTransaction: "the server is a standby, or set to read only; the URL must name the primary",
	"53100":             "the disk of the server is full; make room, no restart of latchkey is needed",
	tooManyConnections:  "the server has no connection left; raise its max_connections, or lower the number of connections here",
	"53":                "the server lacks memory or another resource; look at its log",
	lockNotAvailable:    "another transaction holds a table that is needed; end what reads or writes it for so long, such as a dump",
	queryCanceled:       "the server gave up after its statement_timeout; look for long transactions, locks, or a slow disk",
	cannotConnectNow:    "the server is starting, stopping or recovering; try again",
	"57":                "the server is being stopped; try again when it is back",
	"58":                "the server cannot read or write its files; look at its log and the health of its disk",
	"XX001":             "the data of the server are damaged; stop everything and restore a backup",
	"XX002":             "an index of the server is damaged; look at its log, and rebuild the index or restore a backup",
	"40":                "others changed the same for too long; try again",
}

// explain adds a hint to an error of the server, or of the way to it, for which there is one. Errors of the library name
// user, database and host, and never the password.
func explain(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		hint, ok := hints[e.Code]
		if !ok && len(e.Code) == 5 {
			hint, ok = hints[e.Code[:2]]
		}
		if ok {
			return fmt.Errorf("%w: %s", err, hint)
		}
		return err
	}
	connecting, isConnect := errors.AsType[*pgconn.ConnectError](err)
	_, isNet := errors.AsType[net.Error](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted || isConnect && strings.Contains(connecting.Error(), "server refused TLS connection"):
		return fmt.Errorf("%w: the server must prove over TLS who it is, unless the URL of the database says otherwise; name the CA that "+
			"signed its certificate there with sslrootcert=FILE, and the host as the certificate does, or say knowingly with sslmode=… "+
			"how much is to be verified", err)
	case isConnect && strings.Contains(connecting.Error(), "read only connection"):
		return fmt.Errorf("%w: %s", err, hints[readOnlyTransaction])
	case isConnect && !errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: check host and port in the URL of the database, that the server runs and listens there, and that no firewall is between", err)
	case isNet && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: the connection to the server broke; it is made again by itself", err)
	}
	return err
}

// refused turns the violation of a key into the error of the contract that it stands for.
func refused(err error) error {
	switch code(err) {
	case uniqueViolation:
		return store.ErrExists
	case foreignKeyViolation:
		return store.ErrNotFound
	}
	return err
}

func about(subject string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", subject, err)
}

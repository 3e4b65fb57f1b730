package wire

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Call is one HTTP request on its way through the rooms.
type Call struct {
	*http.Request
	// ID is what X-Amzn-RequestId says, and what the log line of this request carries.
	ID string
	// Now is the time of this request, read once at the edge. No room asks for another.
	Now time.Time
	// Remote is the address of the caller, taken from a proxy's header only where that is configured.
	Remote netip.Addr
	// Network says the same for policies, with what a trusted proxy tells of the caller's VPC where that is configured.
	Network signin.Network
	// Record is filled on the way and logged at the end.
	Record Record
}

// Record is what the log line of a request says beyond method, path, status and duration. Nothing secret goes in.
type Record struct {
	// Operation is the AWS name of what was asked, e.g. CreateOAuth2Token, or the name of a page. It is a metric label,
	// so it comes from a closed list.
	Operation string
	// Grant is the grant type, where there is one; from a closed list.
	Grant string
	// Client is the client id, once it is known to exist.
	Client string
	// Principal is the ARN of who the answer is for, or whose request was refused once that was proved.
	Principal string
	// Person is the id of the person whom the request is about, once that was proved or they were named.
	Person string
	// Session is the id of the session.
	Session string
	// Outcome is "ok", or the Kind of the fault.
	Outcome string
	// Err is the cause of a fault, for the log.
	Err error
}

// Handler answers a Call.
type Handler func(w http.ResponseWriter, c *Call)

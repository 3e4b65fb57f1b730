package caller

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/sigv4"
)

// Service is the name that requests to this service are signed for (credential scope <date>/<region>/signin/aws4_request).
const Service = "signin"

// Signed is Identify for the operations of this service, with what is wrong as the fault that they are answered with. region is
// the only one that the credential scope may name; empty: any.
func (v *Resolver) Signed(ctx context.Context, r *http.Request, body []byte, region string, now time.Time) (Caller, error) {
	who, err := v.identify(ctx, r, body, sigv4.Rules{Service: Service, Region: region, Skew: Skew}, now)
	refusal, ok := errors.AsType[*Refusal](err)
	switch {
	case !ok:
		return who, err
	case refusal.NotSigned():
		return who, signin.Refuse(signin.SignatureMissing, "this request must be signed with SigV4 (service %s)", Service)
	case refusal.Code == codeExpiredToken:
		return who, signin.RefuseBecause(err, signin.SessionEnded, "the credentials that signed this request are over: %s", refusal.Message)
	}
	return who, signin.RefuseBecause(err, signin.SignatureInvalid, "SigV4: %s", refusal.Message)
}

package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type createAnswer struct {
	ApplicationARN string `json:"applicationArn"`
}

// createApplication answers CreateTrustedIdentityPropagationApplicationForConsole. An instance has one application in an
// account; asking again gives that one.
func (e *Endpoint) createApplication(ctx context.Context, r *request) (any, error) {
	arn := r.Text("identityCenterInstanceArn")
	wanted := store.PropagationApplication{
		Account: r.who.Account, Instance: arn, ARN: newApplicationARN(arn, r.who.Account), Created: r.call.Now.Truncate(time.Millisecond),
	}
	kept, err := e.Perimeter.AddPropagationApplication(ctx, wanted)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errAccountGone()
	}
	if err != nil {
		return nil, fmt.Errorf("add application: %w", err)
	}
	if kept.ARN == wanted.ARN {
		e.note(r, audit.ApplicationAdded, "application "+kept.ARN+" was added.")
	}
	return createAnswer{kept.ARN}, nil
}

// newApplicationARN returns arn:<partition>:sso::<account>:application/<instance>/apl-<16 hexadecimal digits>.
func newApplicationARN(instanceARN, account string) string {
	var random [8]byte
	rand.Read(random[:])
	partition, _, _ := strings.Cut(strings.TrimPrefix(instanceARN, "arn:"), ":")
	name := instanceARN[strings.LastIndexByte(instanceARN, '/')+1:]
	return "arn:" + partition + ":sso::" + account + ":application/" + name + "/apl-" + hex.EncodeToString(random[:])
}

type applicationsAnswer struct {
	ApplicationARNs []string `json:"applicationArns"`
}

// listApplications answers ListTrustedIdentityPropagationApplicationsForConsole. One page holds all there can be, so no
// token was ever given out.
func (e *Endpoint) listApplications(ctx context.Context, r *request) (any, error) {
	if r.Text("nextToken") != "" {
		return nil, signin.Refuse(signin.ParameterInvalid, "nextToken is not one that this operation gave: it gives none, because one page holds all")
	}
	kept, err := e.Perimeter.PropagationApplications(ctx, r.who.Account, r.Text("identityCenterInstanceArn"))
	if err != nil {
		return nil, fmt.Errorf("find applications: %w", err)
	}
	answer := applicationsAnswer{[]string{}}
	for _, a := range kept {
		answer.ApplicationARNs = append(answer.ApplicationARNs, a.ARN)
	}
	return answer, nil
}

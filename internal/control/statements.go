package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/perimeter"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

// mostStatements is how many are listed at once, which is the default too.
const mostStatements = 100

type putAnswer struct {
	StatementID string `json:"statementId"`
}

// put answers PutResourcePermissionStatement. A request that comes again with its clientToken gets the statement of the
// first.
func (e *Endpoint) put(ctx context.Context, r *request) (any, error) {
	s, err := perimeter.Statement{
		SourceIP: r.Text("sourceIp"), SourceVPC: r.Text("sourceVpc"), VPCSourceIP: r.Text("vpcSourceIp"),
		SigninSourceVPCE: r.Text("signinSourceVpce"), ConsoleSourceVPCE: r.Text("consoleSourceVpce"),
		RequestedRegion: r.Text("requestedRegion"), ExcludedPrincipal: r.Text("excludedPrincipal"),
	}.Check(e.Region)
	if err != nil {
		return nil, err
	}
	now := r.call.Now
	wanted := s.Keep(r.who.Account, r.Text("clientToken"), now)
	kept, err := e.Perimeter.PutStatement(ctx, wanted, perimeter.Quota, now, now.Add(perimeter.TellFor))
	switch {
	case errors.Is(err, store.ErrConflict):
		return nil, signin.Refuse(signin.RecordConflict, "this clientToken came before with another statement: give each statement a token of its own")
	case errors.Is(err, store.ErrQuota):
		return nil, signin.Refuse(signin.QuotaExceeded, "the account has %d permission statements, which is the most: delete one first", perimeter.Quota)
	case errors.Is(err, store.ErrNotFound):
		return nil, errAccountGone()
	case err != nil:
		return nil, fmt.Errorf("put permission statement: %w", err)
	}
	if kept.ID == wanted.ID {
		e.note(r, audit.StatementPut, "permission statement "+kept.ID+" was put: "+kept.Statement)
	}
	return putAnswer{kept.ID}, nil
}

func errAccountGone() error {
	return signin.Refuse(signin.PermissionMissing, "the account of the caller is not here any more")
}

// remove answers DeleteResourcePermissionStatement. Its clientToken changes nothing: what was deleted is gone, and deleting
// it again finds nothing, whatever the token.
func (e *Endpoint) remove(ctx context.Context, r *request) (any, error) {
	id, now := r.Text("statementId"), r.call.Now
	err := e.Perimeter.DeleteStatement(ctx, r.who.Account, id, now, now.Add(perimeter.TellFor))
	if errors.Is(err, store.ErrNotFound) {
		return nil, signin.Refuse(signin.RecordUnknown, "the account has no permission statement of this id")
	}
	if err != nil {
		return nil, fmt.Errorf("delete permission statement: %w", err)
	}
	e.note(r, audit.StatementDeleted, "permission statement "+id+" was deleted.")
	return nil, nil
}

type listAnswer struct {
	Statements []summary `json:"permissionStatements"`
	NextToken  string    `json:"nextToken,omitzero"`
}

type summary struct {
	SID       string              `json:"sid"`
	Condition perimeter.Condition `json:"condition,omitzero"`
}

// list answers ListResourcePermissionStatements. Pages go by id, so a statement that is there all the while is on one page,
// whatever is put and deleted meanwhile.
func (e *Endpoint) list(ctx context.Context, r *request) (any, error) {
	after, err := e.after(r)
	if err != nil {
		return nil, err
	}
	most := mostStatements
	if n, ok := r.Number("maxResults"); ok {
		most = int(n)
	}
	kept, err := e.Perimeter.Statements(ctx, r.who.Account, after, most+1)
	if err != nil {
		return nil, fmt.Errorf("list permission statements: %w", err)
	}
	answer := listAnswer{Statements: []summary{}}
	if len(kept) > most {
		kept = kept[:most]
		answer.NextToken = seal.SealCursor(e.Keys.SealingKey(r.call.Now), seal.Cursor{
			List: listShape.Operation, Account: r.who.Account, After: kept[most-1].ID,
		})
	}
	for _, k := range kept {
		entry := summary{SID: k.ID}
		if s, err := perimeter.ParseStatement(k.Statement); err == nil { // else it can still be deleted
			entry.Condition = s.Condition(k.Account)
		}
		answer.Statements = append(answer.Statements, entry)
	}
	return answer, nil
}

// after returns the id behind which the page begins that nextToken asks for; of no token, and of an empty one, the lowest.
func (e *Endpoint) after(r *request) (string, error) {
	token := r.Text("nextToken")
	if token == "" {
		return "", nil
	}
	cursor, err := seal.OpenCursor(e.Keys, token)
	if err != nil || cursor.List != listShape.Operation || cursor.Account != r.who.Account {
		return "", signin.RefuseBecause(err, signin.ParameterInvalid, "nextToken is not one that this operation gave to this account: begin again without it")
	}
	return cursor.After, nil
}

type policyAnswer struct {
	Policy perimeter.Policy `json:"signinResourceBasedPolicy"`
}

// policy answers GetResourcePolicy.
func (e *Endpoint) policy(ctx context.Context, r *request) (any, error) {
	kept, err := e.Perimeter.Statements(ctx, r.who.Account, "", perimeter.Quota)
	if err != nil {
		return nil, fmt.Errorf("find permission statements: %w", err)
	}
	if len(kept) == 0 {
		return nil, signin.Refuse(signin.RecordUnknown, "the account has no permission statements, so it has no resource policy")
	}
	all := perimeter.Policy{}
	for _, k := range kept {
		p, _ := perimeter.PolicyOf(k) // the policy that it has is what is evaluated, also where the statement cannot be read
		all.Version, all.Statement = p.Version, append(all.Statement, p.Statement...)
	}
	return policyAnswer{all}, nil
}

package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/reuse"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// audited are the outcomes of requests that are events of the audit trail, provided that the record says whom they are
// about: what says nothing of anybody is an attack on nobody, and anyone could fill the trail with it.
var audited = map[signin.Kind]struct{ kind, detail string }{
	signin.CodeSpent:        {audit.CodeReplayed, "An authorization code came a second time. The session that it had started was revoked."},
	signin.ProofKeyMismatch: {audit.ProofKeyRefused, "A refresh token was brought with a DPoP proof by another key. It was refused; the session goes on."},
	signin.RefreshReused:    {audit.GrantReused, "A refresh token of a dynamic client was used a second time. The session was revoked."},
	signin.PasswordWrong:    {audit.SignInRefused, "A sign-in under this name was refused: the password was wrong, or the person is disabled."},
}

// note adds the event that a request was, if it was one.
func (s *Server) note(c *wire.Call) {
	rec := &c.Record
	if rec.Err == nil || rec.Person == "" {
		return
	}
	a, ok := audited[signin.KindOf(rec.Err)]
	if signin.KindOf(rec.Err) == signin.PermissionMissing && rec.Operation == "SignIn" {
		a.kind, a.detail = audit.SignInKeptOut, "The right password was typed in a network that the permission statements of every account of the person exclude."
	} else if !ok {
		return
	}
	s.trail.Note(store.AuditEvent{
		At: c.Now, Kind: a.kind, Request: c.ID, Session: rec.Session, Client: rec.Client, Principal: rec.Principal, Person: rec.Person,
		Remote: c.Remote.String(), Detail: a.detail,
	})
}

// reportSteps tells the store which refresh tokens were brought, and notes what is suspicious about that. In accounts
// that want it, the session ends.
func (s *Server) reportSteps(ctx context.Context, now time.Time) error {
	suspicions, err := s.watch.Report(ctx)
	for _, found := range suspicions {
		if e := s.suspect(ctx, found, now); e != nil {
			err = e
		}
	}
	return err
}

func (s *Server) suspect(ctx context.Context, found reuse.Suspicion, now time.Time) error {
	session := found.Session
	if s.board.Revoked(session.ID) {
		return nil
	}
	e := store.AuditEvent{
		At: now, Kind: audit.ReuseSuspected, Session: session.ID.String(), Client: session.ClientID,
		Principal: session.Principal.ARN(), Person: session.Principal.PersonID,
		Detail: fmt.Sprintf("A refresh token of step %d was brought after one of step %d. Two programs share the session, or somebody took it.", found.Step, found.Highest),
	}
	if !slices.Contains(s.revoke, session.Principal.Account) {
		s.trail.Note(e)
		return nil
	}
	err := s.board.Announce(ctx, signin.Notice{
		Reason: signin.RevokedSession, Subject: session.ID.String(), At: now, Expires: session.RevocationExpiry(),
	})
	if err == nil {
		e.Kind, e.Detail = audit.ReuseRevoked, e.Detail+" The session was revoked."
	}
	s.trail.Note(e)
	return err
}

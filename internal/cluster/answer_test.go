package cluster

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-id/latchkey/internal/credential"
	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// seen are the answers that a client may see, by what it asked: status, exception and code. A fault of the database is
// one of the last two.
var seen = map[kind][]string{
	redeem: {
		"400 ValidationException INVALID_REQUEST", // redeemed before
		"403 AccessDeniedException INSUFFICIENT_PERMISSIONS",
		"500 InternalServerException server_error",
		"503 ServiceUnavailableException service_unavailable",
	},
	refresh: {
		"401 AccessDeniedException TOKEN_EXPIRED", // revoked
		"403 AccessDeniedException INSUFFICIENT_PERMISSIONS",
		"503 ServiceUnavailableException service_unavailable", // deaf
	},
}

// seenByAgents are the same, by the status that tools would be told them by, and the code.
var seenByAgents = map[kind][]string{
	redeem:  {"400  invalid_grant", "401  invalid_grant", "403  invalid_grant", "500  server_error", "503  service_unavailable", "503  temporarily_unavailable"},
	advance: {"400  invalid_grant", "401  invalid_grant", "403  invalid_grant", "500  server_error", "503  service_unavailable", "503  temporarily_unavailable"},
}

// read looks at an answer to the client of l: whether it may see it, and what it says. It completes e.
func (s *site) read(e *event, l *login, a answer) {
	e.status, e.code = a.status, a.Error
	switch {
	case a.status == 0:
	case a.status == http.StatusOK:
		open := s.open200
		if l.agent != nil {
			open = s.openGranted
		}
		if err := open(e, l, a); err != nil {
			s.complain("%s by login %d at node %d gets what it may not see: %v", e.kind, l.number, e.node, err)
		}
	default:
		got := fmt.Sprintf("%d %s %s", a.status, a.Type, a.Error)
		may, before := seen, map[kind]string{redeem: "redeemed before", advance: "used before"}
		if l.agent != nil {
			may = seenByAgents
		}
		ok := slices.Contains(may[e.kind], got)
		if a.status == http.StatusBadRequest && !strings.Contains(a.Message, before[e.kind]) {
			ok = false
		}
		if _, token := l.now(); !ok || holds(a.body, l.code, l.verifier, token) {
			s.complain("%s by login %d of %s at node %d = %v", e.kind, l.number, s.people[l.person].name, e.node, a)
		}
	}
}

// open200 opens what a client got, as only the holder of the ring can, and compares it with what is its own.
func (s *site) open200(e *event, l *login, a answer) error {
	ring := s.ring.Load()
	session, step, err := seal.OpenRefresh(ring, a.RefreshToken)
	if err != nil {
		return fmt.Errorf("refresh token: %w", err)
	}
	opened, err := credential.Open(ring, a.AccessToken.AccessKeyID, a.AccessToken.SessionToken)
	if err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	envelope, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(a.RefreshToken, seal.RefreshPrefix))
	if err != nil {
		return err
	}
	e.start, e.step, e.key = session.Start, step, binary.BigEndian.Uint32(envelope)
	sum := sha256.Sum256([]byte(a.AccessToken.AccessKeyID + a.AccessToken.SecretAccessKey + a.AccessToken.SessionToken + a.RefreshToken))
	e.said = binary.BigEndian.Uint64(sum[:])
	person := s.people[l.person]
	id, _ := l.now()
	switch {
	case id != signin.SessionID{} && session.ID != id:
		return fmt.Errorf("the session of somebody else")
	case session.Key != l.thumbprint():
		return fmt.Errorf("a session that is bound to another key")
	case session.Principal.PersonID != person.id || session.Principal.Account != account || session.Principal.Role != roleName:
		return fmt.Errorf("a session of %s", session.Principal.ARN())
	case opened.Session.ID != session.ID || opened.Step != step || opened.Secret != a.AccessToken.SecretAccessKey:
		return fmt.Errorf("credentials that do not belong to the refresh token")
	case a.ExpiresIn < 1 || a.ExpiresIn > 900: // CreateOAuth2Token, expiresIn
		return fmt.Errorf("expiresIn %d, want 1 to 900", a.ExpiresIn)
	}
	l.keep(session.ID, a.RefreshToken)
	return nil
}

package pglocal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby starts a copy of s in the folder dir, which must be empty or missing. The copy follows s and answers reads.
//
// From here on a commit on s is answered only when the copy has it on disk too (synchronous_commit = on), whether or not
// reads on the copy see it yet. So nothing that was answered is lost when s is killed and the copy promoted; and a commit
// on s waits while the copy is away, until StandAlone.
func (s *Server) Standby(ctx context.Context, dir string, o Options) (*Server, error) {
	copied, err := s.standby(ctx, dir, o)
	if err != nil {
		return nil, fmt.Errorf("standby of PostgreSQL in %s: %w", s.folder, err)
	}
	return copied, nil
}

func (s *Server) standby(ctx context.Context, dir string, o Options) (*Server, error) {
	copied, err := newServer(dir, o)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.standbys++
	slot := fmt.Sprintf("standby_%d", s.standbys)
	s.mu.Unlock()
	// The slot keeps what the copy has not received yet, however long it is away.
	err = copied.program(ctx, "pg_basebackup", "--pgdata", copied.data(), "--dbname", s.URL("postgres")+"&application_name="+slot,
		"--write-recovery-conf", "--create-slot", "--slot", slot, "--wal-method", "stream", "--checkpoint", "fast", "--no-sync")
	if err != nil {
		return nil, err
	}
	if err := copied.startOnFreePort(ctx); err != nil {
		return nil, err
	}
	// After the copy was made, so that it does not wait for a standby of its own when it is promoted.
	err = s.Configure(ctx, map[string]string{"synchronous_standby_names": "*", "synchronous_commit": "on"})
	if err == nil {
		err = s.awaitTrue(ctx, "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum') AND application_name = "+quote(slot))
	}
	if err != nil {
		_ = copied.Kill()
		return nil, err
	}
	return copied, nil
}

// StandAlone lets commits on s no longer wait for a standby, and so lets those go on that wait for one that is away.
func (s *Server) StandAlone(ctx context.Context) error {
	return s.Configure(ctx, map[string]string{"synchronous_standby_names": ""})
}

// Promote makes a standby a server of its own, which takes writes, and returns when it does. The server that it followed
// must not be started again: it does not know.
func (s *Server) Promote(ctx context.Context) error {
	if err := s.Run(ctx, "postgres", "SELECT pg_promote(true, 60)"); err != nil {
		return fmt.Errorf("promote PostgreSQL in %s: %w", s.folder, err)
	}
	if err := s.awaitTrue(ctx, "SELECT NOT pg_is_in_recovery()"); err != nil {
		return fmt.Errorf("promote PostgreSQL in %s: %w", s.folder, err)
	}
	return os.RemoveAll(filepath.Join(s.data(), "standby.signal"))
}

// awaitTrue asks until the answer is true.
func (s *Server) awaitTrue(ctx context.Context, question string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		var yes bool
		if err := c.QueryRow(ctx, question).Scan(&yes); err != nil || yes {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", question, ctx.Err())
		case <-tick.C:
		}
	}
}

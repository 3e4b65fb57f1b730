package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-id/latchkey/internal/audit"
	"github.com/latchkey-id/latchkey/internal/keyring"
	"github.com/latchkey-id/latchkey/internal/server"
	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
)

type ringCmd struct {
	List   ringListCmd   `cmd:"" help:"List the keys of the ring."`
	Rotate ringRotateCmd `cmd:"" help:"Publish the next keys now, to be used a little later. Nobody notices."`
	Retire ringRetireCmd `cmd:"" help:"Take a key that was stolen out of the ring, at once."`
	Rewrap ringRewrapCmd `cmd:"" help:"Wrap all keys with root_key, after it was changed."`
}

// announceRing tells all servers to load the ring now.
//
// what is what was done, for the audit trail.
func (i *installation) announceRing(ctx context.Context, what string) error {
	at := clock()
	event := store.AuditEvent{ID: signin.NewSessionID(at), At: at, Kind: audit.RingChanged, Detail: what}
	if err := i.RecordAudit(ctx, []store.AuditEvent{event}); err != nil {
		return fmt.Errorf("the ring was changed, but it is not in the audit trail: %w", err)
	}
	err := i.Announce(ctx, signin.Notice{Reason: signin.ChangedRing, At: at, Expires: at.Add(24 * time.Hour)})
	if err != nil {
		return fmt.Errorf("the ring was changed, but the servers were not told, and load it within a minute: %w", err)
	}
	return nil
}

type ringListCmd struct {
	configFlag
	JSON bool `help:"Print JSON." name:"json"`
}

// Run needs no root key, so that it works when that is what is wrong.
func (cmd ringListCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		keys, err := in.RingKeys(ctx)
		if err != nil {
			return fmt.Errorf("list the key ring: %w", err)
		}
		type row struct {
			ID      uint32 `json:"id"`
			Purpose string `json:"purpose"`
			State   string `json:"state"`
			Since   string `json:"since"`
			Until   string `json:"until,omitempty"`
			Root    string `json:"root"`
		}
		rows := []row{}
		for _, k := range keyring.List(keys, clock()) {
			r := row{ID: k.ID, Purpose: k.Purpose, State: k.State, Since: moment(k.Since), Root: k.Root}
			if !k.Until.IsZero() {
				r.Until = moment(k.Until)
			}
			rows = append(rows, r)
		}
		return list(o, cmd.JSON, rows, func(r row) string {
			line := fmt.Sprintf("%d  %s  %s  since %s", r.ID, r.Purpose, r.State, r.Since)
			if r.Until != "" {
				line += "  until " + r.Until
			}
			return line + "  wrapped by " + r.Root
		})
	})
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

type ringRotateCmd struct {
	configFlag
	Purpose []string `help:"Rotate the keys of this purpose: seal (sessions), sign (id tokens), sign-access (access tokens) or access-key (secrets of new access keys). Default: all but access-key." enum:"seal,sign,sign-access,access-key" placeholder:"PURPOSE"`
}

func (cmd ringRotateCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		now := clock()
		ring, err := in.ring(ctx, now)
		if err != nil {
			return err
		}
		keys, err := ring.Rotate(ctx, now, cmd.Purpose)
		if err != nil {
			return err
		}
		for _, k := range keys {
			o.note("Key %d (%s) is published, and in use from %s on.", k.ID, k.Purpose, moment(k.Since))
		}
		o.note("Servers load new keys within two seconds, and have %s for it. What older keys made stays good.", server.RingOptions(in.cfg).Publish)
		return in.announceRing(ctx, fmt.Sprintf("%d keys were published out of turn.", len(keys)))
	})
}

type ringRetireCmd struct {
	configFlag
	ID  uint32 `arg:"" help:"The id of the key, as latchkey ring list prints it."`
	Yes bool   `help:"Do it. Without this, the command says what would end and changes nothing."`
}

func (cmd ringRetireCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		now := clock()
		key, err := cmd.find(ctx, in, now)
		if err != nil {
			return err
		}
		if !cmd.Yes {
			return usageError(fmt.Sprintf("key %d (%s, %s) would open nothing any more: %s Nothing was changed; give --yes to do it", key.ID, key.Purpose, key.State, whatEnds(key)))
		}
		ring, err := in.ring(ctx, now)
		if err != nil {
			return err
		}
		made, err := ring.Retire(ctx, key.ID, now)
		if err != nil {
			return explain(err, fmt.Sprintf("ring key %d", key.ID))
		}
		if err := in.announceRing(ctx, fmt.Sprintf("Key %d (%s) was retired at once.", key.ID, key.Purpose)); err != nil {
			return err
		}
		o.note("Key %d (%s) is out of the ring; servers hear of it within two seconds. %s", key.ID, key.Purpose, whatEnds(key))
		for _, k := range made {
			o.note("Key %d (%s) takes its place.", k.ID, k.Purpose)
		}
		return nil
	})
}

// find returns the key of that id.
func (cmd ringRetireCmd) find(ctx context.Context, in *installation, now time.Time) (keyring.Key, error) {
	rows, err := in.RingKeys(ctx)
	if err != nil {
		return keyring.Key{}, fmt.Errorf("read the key ring: %w", err)
	}
	for _, k := range keyring.List(rows, now) {
		if k.ID == cmd.ID && k.State != keyring.Expired {
			return k, nil
		}
	}
	return keyring.Key{}, fmt.Errorf("there is no ring key %d: latchkey ring list shows the keys", cmd.ID)
}

// whatEnds says what dies with a key.
func whatEnds(k keyring.Key) string {
	switch {
	case k.State == keyring.Published:
		return "It was not in use yet, so nothing ends with it."
	case k.Purpose == "seal":
		return "Sessions, credentials, codes and signed-in browsers that were sealed under it end, and their people sign in again."
	case k.Purpose == "access-key":
		return "Long-lived access keys that were made since it came into use, and before the next, are refused: create new ones with latchkey key create, and disable the old."
	case strings.HasPrefix(k.Purpose, "sign-access-"):
		return "Access tokens that it signed no longer verify with the published keys: programs ask for new ones. Resource servers that keep a copy of the keys accept them for as long as they keep that."
	case strings.HasPrefix(k.Purpose, "sign-"):
		return "Id tokens that it signed no longer verify with the published keys. Verifiers that keep a copy of the keys accept it for as long as they keep that."
	}
	return "What it made is refused."
}

type ringRewrapCmd struct {
	configFlag
	All bool `help:"Wrap the keys anew that root_key wraps already, too: for a KMS or Vault key that has a new version."`
}

func (cmd ringRewrapCmd) Run(ctx context.Context, o *output) error {
	return cmd.with(ctx, func(in *installation) error {
		root, err := in.cfg.RootKey.Load(ctx)
		if err != nil {
			return err
		}
		done, err := keyring.Rewrap(ctx, in.Store, root, cmd.All)
		if len(done) > 0 {
			o.note("Wrapped %d keys of the ring with %s.", len(done), root.ID())
			if err := in.announceRing(ctx, fmt.Sprintf("%d keys were wrapped with %s.", len(done), root.ID())); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		o.note("All keys of the ring are wrapped by %s.", root.ID())
		if len(in.cfg.RootKey.Also) > 0 {
			o.note("Next: when every server has this root_key in its configuration, run this command once more, then take the old place out of root_key.also on every server. Keep the old root key as long as backups of the database from before.")
		}
		return nil
	})
}

package credential

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
	"github.com/latchkey-id/latchkey/internal/signin"
)

// Credentials are what CreateOAuth2Token puts in accessToken.
type Credentials struct {
	AccessKeyID     string // ASIA and 16 characters
	SecretAccessKey string // 40 characters
	SessionToken    string // at most seal.MaxSessionToken characters
	Expires         time.Time
}

// The labels keep what is derived from one key apart.
const (
	labelAccessKeyID = "temporary access key id"
	labelSecret      = "temporary secret access key"
	labelLongLived   = "long-lived secret access key"
)

// Mint returns the credentials of step of s. They are the same each time, for the key is the one that was in use when
// the step began.
func Mint(keys seal.Keys, s signin.Session, step int64, l signin.Lifetimes) Credentials {
	k := keys.SealingKey(s.StepStart(step, l))
	expires := s.StepExpiry(step, l)
	token, facts := seal.SealSession(k, s, step, expires)
	id := accessKeyID(k, s.ID, step)
	return Credentials{
		AccessKeyID:     id,
		SecretAccessKey: secret(k, id, facts),
		SessionToken:    token,
		Expires:         expires,
	}
}

func accessKeyID(k *seal.Key, id signin.SessionID, step int64) string {
	sum := k.Derive(labelAccessKeyID, id[:], binary.BigEndian.AppendUint64(nil, uint64(step)))
	return signin.UniqueID(signin.PrefixTemporary, [10]byte(sum[:10]))
}

func secret(k *seal.Key, accessKeyID string, facts []byte) string {
	sum := k.Derive(labelSecret, []byte(accessKeyID), facts)
	return base64.StdEncoding.EncodeToString(sum[:30])
}

// LongLivedSecret returns the secret of the long-lived access key with that id, derived from the ring's access key key.
func LongLivedSecret(k *seal.Key, accessKeyID string) string {
	sum := k.Derive(labelLongLived, []byte(accessKeyID))
	return base64.StdEncoding.EncodeToString(sum[:30])
}

package rootkey

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

// maxSecret is the longest key of the ring in bytes.
const maxSecret = 512

// payload returns what is sent to be wrapped: the label, a zero byte, and the secret.
func payload(l keyring.Label, secret []byte) ([]byte, error) {
	if len(secret) == 0 || len(secret) > maxSecret {
		return nil, fmt.Errorf("a key of %d bytes cannot be wrapped", len(secret))
	}
	return append(append([]byte(l.String()), 0), secret...), nil
}

var errOtherLabel = errors.New("it belongs to another key of the ring")

// secretOf returns the secret in a payload of that label.
func secretOf(l keyring.Label, payload []byte) ([]byte, error) {
	secret, ok := bytes.CutPrefix(payload, append([]byte(l.String()), 0))
	if !ok || len(secret) == 0 || len(secret) > maxSecret {
		return nil, fmt.Errorf("%w: %w", keyring.ErrWrongRoot, errOtherLabel)
	}
	return secret, nil
}

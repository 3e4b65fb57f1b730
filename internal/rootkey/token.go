package rootkey

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// maxToken is the longest token in bytes.
const maxToken = 4 << 10

// header sets what every request to Vault carries. The token is read each time, because whoever renews it writes it anew.
func (v *Vault) header(h http.Header) error {
	h.Set("Content-Type", "application/json")
	h.Set("X-Vault-Request", "true") // agents can require it
	if v.o.Namespace != "" {
		h.Set("X-Vault-Namespace", v.o.Namespace)
	}
	token, err := v.token()
	if token != "" {
		h.Set("X-Vault-Token", token)
	}
	return err
}

func (v *Vault) token() (string, error) {
	var text string
	switch {
	case v.o.TokenEnv != "":
		text = os.Getenv(v.o.TokenEnv)
		if text == "" {
			return "", fmt.Errorf("%s is not set (token_env)", v.o.TokenEnv)
		}
	case v.o.TokenFile != "":
		info, err := os.Stat(v.o.TokenFile)
		if err != nil {
			return "", fmt.Errorf("token_file: %w", err)
		}
		if info.Mode().Perm()&0o007 != 0 {
			return "", fmt.Errorf("token_file can be read by everybody (mode %04o): chmod 600 %s", info.Mode().Perm(), v.o.TokenFile)
		}
		b, err := readFile(v.o.TokenFile, maxToken)
		if err != nil {
			return "", fmt.Errorf("token_file: %w", err)
		}
		text = string(b)
	default:
		return "", nil
	}
	token := strings.TrimSpace(text)
	for _, c := range []byte(token) {
		if c <= ' ' || c >= 0x7f {
			return "", errBadToken
		}
	}
	if token == "" || len(token) > maxToken {
		return "", errBadToken
	}
	return token, nil
}

var errBadToken = errors.New("the Vault token must be one line of printable characters")

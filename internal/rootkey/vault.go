package rootkey

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

// VaultOptions name a key of Vault's transit engine, or of what speaks like it, and how to ask for it.
type VaultOptions struct {
	// Address is the base URL; see CheckEndpoint.
	Address string
	// Mount is where the transit engine is mounted, such as "transit".
	Mount string
	// Key is the name of the key there. It must be of an authenticated type, such as aes256-gcm96, and not derived.
	Key string
	// TokenEnv or TokenFile is where the token is, read at each use. With neither, no token is sent, which is for an agent
	// on this computer that adds one.
	TokenEnv, TokenFile string
	// Namespace is sent as X-Vault-Namespace where it is not empty.
	Namespace string
	// CAFile holds the certificates to trust, in PEM; empty: those of the system.
	CAFile string
}

// VaultName is what Mount and Namespace look like, and Key without slashes.
var VaultName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}(/[A-Za-z0-9_.-]{1,100})*$`)

// maxVaultName is the longest Mount or Key, so that both fit into the id of a root key.
const maxVaultName = 100

// Vault wraps with a key of a transit engine: its paths encrypt and decrypt, whose associated data is the label. The
// token needs the capability update on both.
type Vault struct {
	o      VaultOptions
	client bounded
}

// OpenVault returns the root key that o names. The service is not asked yet.
func OpenVault(o VaultOptions) (*Vault, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	t, err := transport(o.CAFile)
	if err != nil {
		return nil, err
	}
	o.Address = strings.TrimSuffix(o.Address, "/")
	return &Vault{o: o, client: newBounded(t)}, nil
}

// Check returns nil, or says which option is wrong, by the name that it has in the configuration.
func (o VaultOptions) Check() error {
	name := func(s string) bool {
		// A dot alone is a path of its own.
		return VaultName.MatchString(s) && len(s) <= maxVaultName && !strings.Contains("/"+s+"/", "/./") && !strings.Contains("/"+s+"/", "/../")
	}
	if err := CheckEndpoint(o.Address); err != nil {
		return fmt.Errorf("address %w", err)
	}
	switch {
	case !name(o.Mount):
		return errors.New("mount is not where a transit engine can be, like transit")
	case !name(o.Key) || strings.Contains(o.Key, "/"):
		return errors.New("key is not the name of a transit key, like latchkey")
	case o.Namespace != "" && !name(o.Namespace):
		return errors.New("namespace is not a path like team/a")
	case o.TokenEnv != "" && o.TokenFile != "":
		return errors.New("token_env and token_file: one is enough")
	case o.TokenEnv == "" && o.TokenFile == "" && !Loopback(o.Address):
		return errors.New("token_env or token_file is needed: only an agent on this computer adds a token itself")
	}
	return nil
}

// ID implements keyring.Wrapper.
func (v *Vault) ID() string { return "vault:" + v.o.Mount + "/" + v.o.Key }

// Wrap implements keyring.Wrapper.
func (v *Vault) Wrap(ctx context.Context, l keyring.Label, secret []byte) ([]byte, error) {
	text, err := payload(l, secret)
	if err != nil {
		return nil, err
	}
	a, err := v.ask(ctx, "encrypt", transitRequest{Plaintext: base64.StdEncoding.EncodeToString(text), AssociatedData: associated(l)})
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(a.Ciphertext, "vault:v") {
		return nil, errNotTransit
	}
	return []byte(a.Ciphertext), nil
}

// Unwrap implements keyring.Wrapper.
func (v *Vault) Unwrap(ctx context.Context, l keyring.Label, wrapped []byte) ([]byte, error) {
	a, err := v.ask(ctx, "decrypt", transitRequest{Ciphertext: string(wrapped), AssociatedData: associated(l)})
	if err != nil {
		return nil, err
	}
	text, err := base64.StdEncoding.DecodeString(a.Plaintext)
	if err != nil {
		return nil, errNotTransit
	}
	return secretOf(l, text)
}

func associated(l keyring.Label) string { return base64.StdEncoding.EncodeToString([]byte(l.String())) }

// transitRequest is what both paths take (Vault API, transit: encrypt data, decrypt data).
type transitRequest struct {
	Plaintext      string `json:"plaintext,omitempty"`
	Ciphertext     string `json:"ciphertext,omitempty"`
	AssociatedData string `json:"associated_data"`
}

// transitAnswer is what both paths give.
type transitAnswer struct {
	Ciphertext string `json:"ciphertext"`
	Plaintext  string `json:"plaintext"`
}

var errNotTransit = errors.New("Vault answers with nothing that a transit engine would: check address, mount and key")

func (v *Vault) ask(ctx context.Context, path string, q transitRequest) (transitAnswer, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return transitAnswer{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.o.Address+"/v1/"+v.o.Mount+"/"+path+"/"+v.o.Key, bytes.NewReader(body))
	if err != nil {
		return transitAnswer{}, err
	}
	if err := v.header(r.Header); err != nil {
		return transitAnswer{}, err
	}
	a, err := v.client.Do(r)
	if err != nil {
		return transitAnswer{}, fmt.Errorf("Vault at %s: %w", v.o.Address, unreachable(err))
	}
	text, err := io.ReadAll(a.Body)
	if err != nil {
		return transitAnswer{}, err
	}
	if a.StatusCode != http.StatusOK {
		return transitAnswer{}, v.explain(a.StatusCode, path, text)
	}
	var answer struct {
		Data transitAnswer `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return transitAnswer{}, errNotTransit
	}
	return answer.Data, nil
}

// explain says in an operator's words why Vault did not do it. What Vault says itself is only looked at.
func (v *Vault) explain(status int, path string, text []byte) error {
	said := func(words string) bool { return bytes.Contains(text, []byte(words)) }
	where := v.o.Mount + "/" + path + "/" + v.o.Key
	switch {
	case status/100 == 3:
		return fmt.Errorf("Vault at %s answers with a redirect, which is not followed: name the address of the active node", v.o.Address)
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fmt.Errorf("Vault denies %s: renew the token, or give it a policy with the capability update there", where)
	case status == http.StatusNotFound:
		return fmt.Errorf("Vault has no %s: check mount, key and namespace", where)
	case status == http.StatusServiceUnavailable:
		return fmt.Errorf("Vault at %s is sealed, or has no active node: unseal it", v.o.Address)
	case status == http.StatusTooManyRequests:
		return fmt.Errorf("Vault at %s is asked too often: it will be asked again", v.o.Address)
	case status == http.StatusBadRequest && said("encryption key not found"):
		return fmt.Errorf("Vault has no transit key %s: make it with vault write -f %s/keys/%s", v.o.Key, v.o.Mount, v.o.Key)
	case status == http.StatusBadRequest && said("too old"):
		return fmt.Errorf("the Vault key %s no longer opens so old a version: lower its min_decryption_version, then run latchkey ring rewrap --all", v.o.Key)
	case status == http.StatusBadRequest && (said("context") || said("derivation")):
		return fmt.Errorf("the Vault key %s is derived: make one that is not", v.o.Key)
	case status == http.StatusBadRequest && path == "decrypt":
		return keyring.ErrWrongRoot
	}
	return fmt.Errorf("Vault failed to answer %s (status %d)", where, status)
}

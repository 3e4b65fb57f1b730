package rootkey

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

// credentials makes the SDK find these and no other credentials. It also keeps it from asking for those of the machine.
func credentials(t *testing.T, id, key string) {
	t.Helper()
	none := write(t, "none", "")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": key, "AWS_SESSION_TOKEN": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_MAX_ATTEMPTS": "1",
		"AWS_CA_BUNDLE": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_KMS": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	} {
		t.Setenv(name, value)
	}
}

func openKMS(t *testing.T, endpoint, key string) *KMS {
	t.Helper()
	k, err := OpenKMS(t.Context(), KMSOptions{KeyID: key, Region: "us-east-1", Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKMSFaultsAreSaidWithTheirRemedy(t *testing.T) {
	credentials(t, "AKIDEXAMPLE", "secret")
	s := newTransit(t) // only for its faults
	server := httptest.NewServer(s)
	defer server.Close()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	k := openKMS(t, server.URL, "alias/latchkey")
	exception := func(status int, name string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(status)
			w.Write([]byte(`{"__type":"` + name + `","message":"ECHO"}`))
		}
	}
	text := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(status)
			w.Write([]byte(text))
		}
	}
	for _, tt := range []struct {
		name  string
		fault http.HandlerFunc
		want  []string
	}{
		{"denied", exception(400, "AccessDeniedException"), []string{"KMS denies kms:", "policy of the key"}},
		{"wrong credentials", exception(400, "UnrecognizedClientException"), []string{"does not accept the AWS credentials"}},
		{"an expired token", exception(400, "ExpiredTokenException"), []string{"renew"}},
		{"no key", exception(400, "NotFoundException"), []string{"no such key", "key_id and region"}},
		{"disabled", exception(400, "DisabledException"), []string{"disabled", "enable it"}},
		{"pending deletion", exception(400, "KMSInvalidStateException"), []string{"to be deleted"}},
		{"asymmetric", exception(400, "InvalidKeyUsageException"), []string{"symmetric key"}},
		{"too many", exception(400, "ThrottlingException"), []string{"asked too often"}},
		{"broken", exception(500, "KMSInternalException"), []string{"failed to answer kms:", "status 500"}},
		{"a new exception", exception(400, "ECHOException"), []string{"failed to answer", "status 400"}},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, []string{"KMS"}},
		{"garbage", text(200, "<html>"), []string{"nothing that can be read", "check endpoint"}},
		{"an error of a proxy", text(502, "<html>ECHO"), []string{"status 502"}},
		{"an oversized answer", text(200, `{"x":"`+strings.Repeat("A", maxAnswer)+`"}`), []string{"the answer is longer than any"}},
		{"an echo", echo(400), []string{"failed to answer"}},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []string{"cannot be reached"}},
	} {
		s.fail(tt.fault)
		_, err := k.Wrap(t.Context(), label, secret)
		wantWords(t, tt.name+": Wrap", err, tt.want...)
		_, err = k.Unwrap(t.Context(), label, []byte("wrapped"))
		wantWords(t, tt.name+": Unwrap", err, tt.want...)
		if errors.Is(err, keyring.ErrWrongRoot) {
			t.Errorf("%s: Unwrap = %v, want an error that is not about the key", tt.name, err)
		}
	}
	for _, name := range []string{"IncorrectKeyException", "InvalidCiphertextException"} {
		s.fail(exception(400, name))
		if _, err := k.Unwrap(t.Context(), label, []byte("wrapped")); !errors.Is(err, keyring.ErrWrongRoot) {
			t.Errorf("%s: Unwrap = %v, want ErrWrongRoot", name, err)
		}
	}
	s.fail(text(200, "{}"))
	if _, err := k.Wrap(t.Context(), label, secret); err == nil {
		t.Error("an answer without a ciphertext: Wrap = nil")
	}
	if _, err := k.Unwrap(t.Context(), label, []byte("wrapped")); !errors.Is(err, keyring.ErrWrongRoot) {
		t.Errorf("an answer without a plaintext: Unwrap = %v", err)
	}
	s.fail(slow)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := k.Unwrap(ctx, label, []byte("wrapped"))
	wantWords(t, "slow", err, "does not answer in time")
}

func TestKMSThatIsNotThere(t *testing.T) {
	credentials(t, "AKIDEXAMPLE", "secret")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = openKMS(t, "http://"+l.Addr().String(), "a").Wrap(t.Context(), label, secret)
	wantWords(t, "nobody listens", err, "KMS", "cannot be reached", "connection refused")

	credentials(t, "", "")
	_, err = openKMS(t, "http://"+l.Addr().String(), "a").Wrap(t.Context(), label, secret)
	wantWords(t, "no credentials", err, "no AWS credentials", "aws sts get-caller-identity")

	_, err = OpenKMS(t.Context(), KMSOptions{KeyID: "a"})
	wantWords(t, "no region", err, "AWS_REGION")
	for _, id := range []string{"", "a b", "a?b", "a\n", strings.Repeat("a", 241)} {
		_, err = OpenKMS(t.Context(), KMSOptions{KeyID: id, Region: "us-east-1"})
		wantWords(t, "a key id of "+id, err, "key_id")
	}
}

package clients

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey-id/latchkey/test/clients/awslogin"
)

// home is what a client finds on its computer: a profile with a login session, and that login's cache file.
type home struct {
	dir   string
	base  string   // of the server
	cache string   // the cache file
	extra []string // further variables of its environment
}

// cacheFile is what a test reads of a cache file.
type cacheFile struct {
	AccessToken struct {
		AccessKeyID string `json:"accessKeyId"`
		ExpiresAt   string `json:"expiresAt"`
	} `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	IDToken      string `json:"idToken"`
}

// login logs in at s.
func login(t *testing.T, s *server, o awslogin.Options) *awslogin.Session {
	t.Helper()
	session, err := awslogin.Login(t.Context(), s.base, o)
	if err != nil {
		t.Fatalf("Login(%+v): %v", o, err)
	}
	return session
}

// newHome puts session into a home of its own.
func newHome(t *testing.T, s *server, session *awslogin.Session) home {
	t.Helper()
	h := home{dir: t.TempDir(), base: s.base}
	if err := os.Mkdir(h.cacheDirectory(), 0o700); err != nil {
		t.Fatal(err)
	}
	profile := "[default]\nlogin_session = " + session.Principal + "\n"
	if err := os.WriteFile(h.configFile(), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.cache, err = session.Save(h.cacheDirectory()); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h home) cacheDirectory() string { return filepath.Join(h.dir, "cache") }
func (h home) configFile() string     { return filepath.Join(h.dir, "config") }

// environment returns all that a driver gets to know. Nothing of the user's own settings is in it, and no other server
// than the one under test can be reached by it.
func (h home) environment() []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + h.dir,
		"TMPDIR=" + h.dir,
		"AWS_CONFIG_FILE=" + h.configFile(),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(h.dir, "credentials"),
		"AWS_LOGIN_CACHE_DIRECTORY=" + h.cacheDirectory(),
		"AWS_ENDPOINT_URL_SIGNIN=" + h.base,
		"AWS_ENDPOINT_URL_STS=" + h.base,
		"AWS_REGION=us-east-1",         // Go and JavaScript
		"AWS_DEFAULT_REGION=us-east-1", // botocore
		"AWS_EC2_METADATA_DISABLED=true",
		"PYTHONDONTWRITEBYTECODE=1",
		"NO_PROXY=127.0.0.1",
	}, h.extra...)
}

// read returns the cache file as it is now.
func (h home) read(t *testing.T) cacheFile {
	t.Helper()
	text, err := os.ReadFile(h.cache)
	if err != nil {
		t.Fatal(err)
	}
	var file cacheFile
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatalf("the cache file is not JSON: %v\n%s", err, text)
	}
	return file
}

// expire makes the access token in the cache file one that expired long ago, so that the next client refreshes. All else
// stays as the last client left it.
func (h home) expire(t *testing.T) {
	t.Helper()
	h.edit(t, func(token map[string]any) { token["expiresAt"] = "2025-11-19T00:00:00Z" })
}

// edit changes the access token in the cache file.
func (h home) edit(t *testing.T, change func(token map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(h.cache)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatalf("the cache file is not JSON: %v\n%s", err, text)
	}
	token, ok := file["accessToken"].(map[string]any)
	if !ok {
		t.Fatalf("the cache file has no accessToken:\n%s", text)
	}
	change(token)
	if text, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.cache, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

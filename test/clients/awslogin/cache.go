package awslogin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// cacheFile has the members of the CLI's cache file, in its order.
type cacheFile struct {
	AccessToken struct {
		AccessKeyID     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
		SessionToken    string `json:"sessionToken"`
		AccountID       string `json:"accountId"`
		ExpiresAt       string `json:"expiresAt"`
	} `json:"accessToken"`
	TokenType    string `json:"tokenType"`
	ClientID     string `json:"clientId"`
	RefreshToken string `json:"refreshToken"`
	IDToken      string `json:"idToken"`
	DPoPKey      string `json:"dpopKey"`
}

// CachePath returns where in directory the cache file of principal is.
func CachePath(directory, principal string) string {
	sum := sha256.Sum256([]byte(principal))
	return filepath.Join(directory, hex.EncodeToString(sum[:])+".json")
}

// Save writes the cache file into directory, readable by the user alone, and returns its path.
func (s *Session) Save(directory string) (string, error) {
	owner, err := account(s.Principal)
	if err != nil {
		return "", err
	}
	pem, err := s.key.marshal()
	if err != nil {
		return "", err
	}
	file := cacheFile{
		TokenType: s.Answer.TokenType, ClientID: s.ClientID, RefreshToken: s.Answer.RefreshToken,
		IDToken: s.Answer.IDToken, DPoPKey: pem,
	}
	file.AccessToken.AccessKeyID = s.Answer.AccessToken.AccessKeyID
	file.AccessToken.SecretAccessKey = s.Answer.AccessToken.SecretAccessKey
	file.AccessToken.SessionToken = s.Answer.AccessToken.SessionToken
	file.AccessToken.AccountID = owner
	file.AccessToken.ExpiresAt = s.received.Add(time.Duration(s.Answer.ExpiresIn) * time.Second).UTC().Format(time.RFC3339)
	text, err := json.Marshal(file)
	if err != nil {
		return "", err
	}
	path := CachePath(directory, s.Principal)
	return path, os.WriteFile(path, text, 0o600)
}

// Rekey gives the session another proof key, so that what Save writes next holds a foreign one.
func (s *Session) Rekey() error {
	key, err := newProofKey(nil, false)
	if err != nil {
		return err
	}
	s.key = key
	return nil
}

package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"regexp"
	"time"
)

// Shared tells whether a database server is named, which many nodes can share.
func (d Database) Shared() bool { return d.URL != "" || d.URLEnv != "" }

func (d Database) check() error {
	switch {
	case d.URL != "" && d.URLEnv != "":
		return errors.New("database needs one of url and url_env")
	case d.ReplicaURL != "" && d.ReplicaURLEnv != "":
		return errors.New("database needs one of replica_url and replica_url_env")
	case !d.Shared() && (d.ReplicaURL != "" || d.ReplicaURLEnv != ""):
		return errors.New("database.replica_url needs database.url: a replica is only read")
	case d.Connections < 2 || d.Connections > 1000:
		return errors.New("database.connections must be from 2 to 1000")
	}
	return nil
}

// URLs returns the URL of the primary, and that of the replica or "", from where they are named. Errors do not show them.
func (d Database) URLs() (primary, replica string, err error) {
	primary, err = databaseURL(d.URL, d.URLEnv, "database.url")
	if err != nil || d.ReplicaURL == "" && d.ReplicaURLEnv == "" {
		return primary, "", err
	}
	replica, err = databaseURL(d.ReplicaURL, d.ReplicaURLEnv, "database.replica_url")
	return primary, replica, err
}

func databaseURL(text, env, key string) (string, error) {
	if env != "" {
		text, key = os.Getenv(env), key+"_env"
		if text == "" {
			return "", fmt.Errorf("%s is not set (%s)", env, key)
		}
	}
	// Its parts are the driver's to judge; this is for whoever put something else there.
	if !regexp.MustCompile(`^postgres(ql)?://`).MatchString(text) {
		return "", fmt.Errorf("%s: the URL must begin with postgres://", key)
	}
	return text, nil
}

func (t Telemetry) check() error {
	if math.IsNaN(t.Sample) || t.Sample < 0 || t.Sample > 1 {
		return errors.New("telemetry.sample must be from 0 to 1")
	}
	if t.Interval < time.Second || t.Interval > time.Hour {
		return errors.New("telemetry.interval must be from 1s to 1h")
	}
	if t.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(t.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" {
		return errors.New("telemetry.otlp_endpoint must be a URL like http://127.0.0.1:4318; credentials belong into OTEL_EXPORTER_OTLP_HEADERS")
	}
	return nil
}

func (s Shutdown) check() error {
	if s.Delay < 0 || s.Delay > 5*time.Minute {
		return errors.New("shutdown.delay must be from 0s to 5m")
	}
	if s.Timeout < 0 || s.Timeout > 5*time.Minute {
		return errors.New("shutdown.timeout must be from 0s to 5m")
	}
	return nil
}

func (a Audit) check() error {
	if a.Keep < time.Hour {
		return errors.New("audit.keep must be at least 1h")
	}
	return nil
}

var accountPattern = regexp.MustCompile(`^[0-9]{12}$`)

func (r Reuse) check() error {
	for _, id := range r.Revoke {
		if !accountPattern.MatchString(id) {
			return errors.New("reuse.revoke must list account ids of twelve digits, in quotes")
		}
	}
	if len(r.Revoke) > 0 && !r.Detect {
		return errors.New("reuse.revoke needs reuse.detect: nothing would be noticed")
	}
	return nil
}

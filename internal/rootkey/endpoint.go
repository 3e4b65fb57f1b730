package rootkey

import (
	"errors"
	"net/netip"
	"net/url"
)

// CheckEndpoint returns nil for the base URL of a service that a key may be sent to: https, or http on loopback; no path.
func CheckEndpoint(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("is not a URL like https://vault.example.com:8200")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || (u.Path != "" && u.Path != "/"):
		return errors.New("has more than a scheme, a host and a port")
	case u.Scheme == "http" && !Loopback(text):
		return errors.New("must be https: keys are sent to it. Plain http is for this computer only")
	}
	return nil
}

// Loopback tells whether the URL is of this computer.
func Loopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

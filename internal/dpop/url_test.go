package dpop

import (
	"testing"
	"time"
)

func TestURLOfProof(t *testing.T) {
	v := newVerifier(t, "https://signin.example.com", "http://127.0.0.1:8080", "https://us-east-1.signin.aws.amazon.com",
		"http://behind-tls.example.com", "http://[::1]:8080", "https://Odd.Example.Com:8443/")
	tests := []struct {
		htu  string
		want bool
	}{
		{"https://signin.example.com/v1/token", true},
		{"http://127.0.0.1:8080/v1/token", true},
		{"http://[::1]:8080/v1/token", true},
		// Clients that build htu from what was configured.
		{"https://signin.example.com/v1/token?x=1", true},
		{"https://signin.example.com/v1/token#top", true},
		{"https://alice:pw@signin.example.com/v1/token", true},
		{"https://SignIn.Example.COM/v1/token", true},
		{"HTTPS://signin.example.com/v1/token", true},
		{"https://signin.example.com:443/v1/token", true},
		{"https://signin.example.com:/v1/token", true},
		{"https://signin.example.com//v1/token", true},
		{"https://signin.example.com//v1////token", true},
		{"https://odd.example.com:8443/v1/token", true},
		// A fixed host, reached through a proxy.
		{"https://us-east-1.signin.aws.amazon.com/v1/token", true},
		// TLS ends at a proxy, or the client always writes https.
		{"http://signin.example.com/v1/token", true},
		{"http://signin.example.com:80/v1/token", true},
		{"https://behind-tls.example.com/v1/token", true},
		{"https://127.0.0.1:8080/v1/token", true},
		{"https://127.0.0.1/v1/token", true},
		{"https://127.0.0.1:443/v1/token", true},
		{"https://[::1]/v1/token", true},
		// Not ours.
		{"http://127.0.0.1/v1/token", false},
		{"https://127.0.0.1:8081/v1/token", false},
		{"https://127.0.0.2/v1/token", false},
		{"https://odd.example.com/v1/token", false},
		{"https://signin.example.com:8443/v1/token", false},
		{"http://signin.example.com:443/v1/token", false},
		{"https://signin.example.com.attacker.example/v1/token", false},
		{"https://signin.example.com@attacker.example/v1/token", false},
		{"https://attacker.example/https://signin.example.com/v1/token", false},
		{"https://attacker.example#https://signin.example.com/v1/token", false},
		{"https://signin.example.com/v1/authorize", false},
		{"https://signin.example.com/v1/token/", false},
		{"https://signin.example.com/v1/token/x", false},
		{"https://signin.example.com/V1/Token", false},
		{"https://signin.example.com/v1%2Ftoken", false},
		{"https://signin.example.com/x/../v1/token", false},
		{"https://signin.example.com", false},
		{"//signin.example.com/v1/token", false},
		{"signin.example.com/v1/token", false},
		{"/v1/token", false},
		{"ftp://signin.example.com/v1/token", false},
		{"https:signin.example.com/v1/token", false},
		{"https:///v1/token", false},
		{"https://signin.example.com:port/v1/token", false},
		{"https://signin.example.com/v1/token\n", false},
		{" https://signin.example.com/v1/token", false},
		{"https://[::1/v1/token", false},
	}
	for _, tt := range tests {
		if got := v.serves(tt.htu, "/v1/token"); got != tt.want {
			t.Errorf("serves(%q) = %v, want %v", tt.htu, got, tt.want)
		}
	}
	if !v.serves("https://signin.example.com/v1/token", "//v1/token") {
		t.Error("a request to //v1/token with a plain htu is refused; some clients double the slash only in one place")
	}
}

func TestNewRefusesBadBases(t *testing.T) {
	for _, bases := range [][]string{
		nil, {""}, {"signin.example.com"}, {"ftp://signin.example.com"}, {"https://"}, {"https://signin.example.com/base"},
		{"https://signin.example.com?"}, {"https://signin.example.com#x"}, {"https://u@signin.example.com"}, {"https://h:port"},
		{"https://good.example.com", "/bad"},
	} {
		if _, err := New(bases, time.Minute); err == nil {
			t.Errorf("New(%q) accepted", bases)
		}
	}
	if _, err := New([]string{"https://signin.example.com"}, 0); err == nil {
		t.Error("New with no window accepted")
	}
}

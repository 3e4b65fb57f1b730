package sts_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

const form = "Action=GetCallerIdentity&Version=2011-06-15"

// post returns the request that the AWS CLI makes, unsigned.
func post(s *testkit.Server, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, s.Base+"/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

// get returns a request with the parameters in the query, unsigned.
func get(s *testkit.Server, query string) *http.Request {
	return httptest.NewRequest(http.MethodGet, s.Base+"/?"+query, nil)
}

// answer is what a caller reads, of either form.
type answer struct {
	Arn, UserID, Account string
	Type, Code, Message  string
	RequestID            string
}

type xmlAnswer struct {
	XMLName xml.Name
	Result  struct {
		Arn     string
		UserID  string `xml:"UserId"`
		Account string
	} `xml:"GetCallerIdentityResult"`
	Error struct{ Type, Code, Message string }
	Meta  struct {
		RequestID string `xml:"RequestId"`
	} `xml:"ResponseMetadata"`
	RequestID string `xml:"RequestId"`
}

func read(t *testing.T, w *httptest.ResponseRecorder) answer {
	t.Helper()
	var a answer
	switch w.Header().Get("Content-Type") {
	case "text/xml":
		var x xmlAnswer
		if err := xml.Unmarshal(w.Body.Bytes(), &x); err != nil {
			t.Fatalf("%v\n%s", err, w.Body)
		}
		a = answer{x.Result.Arn, x.Result.UserID, x.Result.Account, x.Error.Type, x.Error.Code, x.Error.Message, x.Meta.RequestID + x.RequestID}
		if x.XMLName.Space != "https://sts.amazonaws.com/doc/2011-06-15/" {
			t.Errorf("namespace is %q", x.XMLName.Space)
		}
	case "application/json":
		var j struct {
			Response struct {
				Result struct {
					Arn     string
					UserID  string `json:"UserId"`
					Account string
				} `json:"GetCallerIdentityResult"`
				Meta struct {
					RequestID string `json:"RequestId"`
				} `json:"ResponseMetadata"`
			} `json:"GetCallerIdentityResponse"`
			Error     struct{ Type, Code, Message string }
			RequestID string `json:"RequestId"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &j); err != nil {
			t.Fatalf("%v\n%s", err, w.Body)
		}
		r := j.Response
		a = answer{r.Result.Arn, r.Result.UserID, r.Result.Account, j.Error.Type, j.Error.Code, j.Error.Message, r.Meta.RequestID + j.RequestID}
	default:
		t.Fatalf("Content-Type %q\n%s", w.Header().Get("Content-Type"), w.Body)
	}
	if id := w.Header()["X-Amzn-RequestId"]; len(id) != 1 || id[0] != a.RequestID {
		t.Errorf("X-Amzn-RequestId is %q, the body says %q", id, a.RequestID)
	}
	return a
}

// session returns the credentials of a fresh login.
func session(t *testing.T, s *testkit.Server) testkit.Credentials {
	t.Helper()
	a := s.Client().Login(t).AccessToken
	return testkit.Credentials{AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken}
}

// Both kinds of keys, both kinds of signatures, both forms of answers.
func TestCallersAreToldWhoTheyAre(t *testing.T) {
	s := testkit.Start(t)
	user := s.ServiceUser(t, "robot", policy.ExchangeToken)
	for name, tt := range map[string]struct {
		keys testkit.Credentials
		want answer
	}{
		"temporary": {session(t, s), answer{
			Arn: "arn:aws:sts::111122223333:assumed-role/Developer/alice", UserID: s.Role.ID + ":alice", Account: "111122223333",
		}},
		"long-lived": {s.AccessKey(t, user), answer{
			Arn: "arn:aws:iam::111122223333:user/robot", UserID: user.ID, Account: "111122223333",
		}},
	} {
		for how, sign := range map[string]func() *http.Request{
			"in the header": func() *http.Request {
				r := post(s, form)
				tt.keys.Sign(r, []byte(form), s.Scope("sts"))
				return r
			},
			"in the header of GET": func() *http.Request {
				r := get(s, form)
				tt.keys.Sign(r, nil, s.Scope("sts"))
				return r
			},
			"in the query": func() *http.Request {
				r := get(s, form)
				tt.keys.Presign(r, s.Scope("sts"), time.Minute)
				return r
			},
			"of another region": func() *http.Request { // sessions are not bound to one
				r := post(s, form)
				scope := s.Scope("sts")
				scope.Region = "eu-central-1"
				tt.keys.Sign(r, []byte(form), scope)
				return r
			},
		} {
			for accept, contentType := range map[string]string{
				"": "text/xml", "*/*": "text/xml", "text/xml": "text/xml", "text/xml, application/json": "text/xml",
				"application/json": "application/json", "Application/JSON;q=0.9, */*": "application/json",
				"application/json, text/xml": "application/json",
			} {
				r := sign()
				if accept != "" {
					r.Header.Set("Accept", accept)
				}
				w := s.Do(r)
				got := read(t, w)
				got.RequestID = ""
				if w.Code != http.StatusOK || got != tt.want || w.Header().Get("Content-Type") != contentType {
					t.Errorf("%s key %s, Accept %q: %d %s %+v, want 200 %s %+v", name, how, accept, w.Code, w.Header().Get("Content-Type"), got, contentType, tt.want)
				}
				if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Length") == "" {
					t.Errorf("%s key %s: headers %v", name, how, w.Header())
				}
			}
		}
	}
}

package sts_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// wantCode sends r and fails the test unless it is refused with code.
func wantCode(t *testing.T, s *testkit.Server, name string, r *http.Request, status int, code string) answer {
	t.Helper()
	w := s.Do(r)
	got := read(t, w)
	if w.Code != status || got.Code != code || got.Message == "" || got.Arn != "" {
		t.Errorf("%s: answer = %d %s %q, want %d %s", name, w.Code, got.Code, got.Message, status, code)
	}
	if want := map[bool]string{true: "Receiver", false: "Sender"}[status >= 500]; got.Type != want {
		t.Errorf("%s: the fault is the %s's, want the %s's", name, got.Type, want)
	}
	return got
}

func TestUnsignedCallersAreNobody(t *testing.T) {
	s := testkit.Start(t)
	wantCode(t, s, "no signature", post(s, form), 403, "MissingAuthenticationToken")
	wantCode(t, s, "no signature in the query", get(s, form), 403, "MissingAuthenticationToken")
	for _, authorization := range []string{"Bearer ASIA", "Basic YTpi", "Digest x"} {
		r := post(s, form)
		r.Header.Set("Authorization", authorization)
		wantCode(t, s, authorization, r, 403, "MissingAuthenticationToken")
	}
}

func TestBrokenSignaturesAreIncomplete(t *testing.T) {
	s := testkit.Start(t)
	keys := session(t, s)
	for name, change := range map[string]func(r *http.Request){
		"cut":               func(r *http.Request) { set(r, "Authorization", r.Header.Get("Authorization")[:60]) },
		"no date":           func(r *http.Request) { r.Header.Del("X-Amz-Date") },
		"a date of words":   func(r *http.Request) { set(r, "X-Amz-Date", "yesterday") },
		"two dates":         func(r *http.Request) { r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date")) },
		"two signatures":    func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) },
		"another algorithm": func(r *http.Request) { replace(r, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256") },
		"no signature": func(r *http.Request) {
			set(r, "Authorization", strings.Split(r.Header.Get("Authorization"), ", Signature")[0])
		},
		"a header is gone": func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") },
		"in two places":    func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=ab" },
		"another terminal": func(r *http.Request) { replace(r, "aws4_request", "aws5_request") },
	} {
		r := post(s, form)
		keys.Sign(r, []byte(form), s.Scope("sts"))
		change(r)
		wantCode(t, s, name, r, 400, "IncompleteSignature")
	}
}

func set(r *http.Request, name, value string) { r.Header.Set(name, value) }

func replace(r *http.Request, old, with string) {
	set(r, "Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), old, with))
}

// One answer for all of these: a caller does not learn which keys there are.
func TestUnknownKeysAreOfNobody(t *testing.T) {
	s, elsewhere := testkit.Start(t), testkit.Start(t)
	temporary, foreign := session(t, s), session(t, elsewhere)
	robot := s.ServiceUser(t, "robot", policy.ExchangeToken)
	longLived, disabled := s.AccessKey(t, robot), s.AccessKey(t, robot)
	if err := s.Store.DisableAccessKey(t.Context(), disabled.AccessKeyID); err != nil {
		t.Fatal(err)
	}
	with := func(k testkit.Credentials, id, token string) testkit.Credentials {
		k.AccessKeyID, k.SessionToken = id, token
		return k
	}
	messages := map[string]bool{}
	for name, keys := range map[string]testkit.Credentials{
		"an unknown long-lived key":                with(longLived, "AKIAAAAAAAAAAAAAAAAA", ""),
		"an unknown temporary key":                 with(temporary, "ASIAAAAAAAAAAAAAAAAA", temporary.SessionToken),
		"a key of another kind":                    with(longLived, "AIDAAAAAAAAAAAAAAAAA", ""),
		"a token of another server":                foreign,
		"a key with the token of another":          with(temporary, temporary.AccessKeyID, session(t, s).SessionToken),
		"a temporary key without its token":        with(temporary, temporary.AccessKeyID, ""),
		"a temporary key with a broken token":      with(temporary, temporary.AccessKeyID, "broken"),
		"a long-lived key with a token":            with(longLived, longLived.AccessKeyID, temporary.SessionToken),
		"a long-lived key with a senseless token":  with(longLived, longLived.AccessKeyID, "x"),
		"a disabled key":                           disabled,
		"an unknown key and a secret that is none": {AccessKeyID: "AKIAAAAAAAAAAAAAAAAB"},
	} {
		r := post(s, form)
		keys.Sign(r, []byte(form), s.Scope("sts"))
		messages[wantCode(t, s, name, r, 403, "InvalidClientTokenId").Message] = true
		r = get(s, form)
		keys.Presign(r, s.Scope("sts"), time.Minute)
		messages[wantCode(t, s, name+", presigned", r, 403, "InvalidClientTokenId").Message] = true
	}
	if len(messages) != 1 {
		t.Errorf("unknown keys are told %d different things: %v", len(messages), messages)
	}
}

// Attack: change anything in a request that somebody else signed, or sign with a guess.
func TestWhatWasNotSignedIsNotBelieved(t *testing.T) {
	s := testkit.Start(t)
	robot := s.ServiceUser(t, "robot", policy.ExchangeToken)
	for kind, keys := range map[string]testkit.Credentials{"temporary": session(t, s), "long-lived": s.AccessKey(t, robot)} {
		guess := keys
		guess.SecretAccessKey = strings.Repeat("a", 40)
		none := keys
		none.SecretAccessKey = ""
		signed := func(k testkit.Credentials) *http.Request {
			r := post(s, form)
			set(r, "X-Amz-Target", "x")
			k.Sign(r, []byte(form), s.Scope("sts"))
			return r
		}
		for name, r := range map[string]*http.Request{"a wrong secret": signed(guess), "no secret": signed(none)} {
			wantCode(t, s, kind+", "+name, r, 403, "SignatureDoesNotMatch")
		}
		for name, change := range map[string]func(r *http.Request){
			"another body":           func(r *http.Request) { *r = *withBody(r, form+"&x=y") },
			"no body, query instead": func(r *http.Request) { *r = *withBody(r, ""); r.URL.RawQuery = form },
			"another query":          func(r *http.Request) { r.URL.RawQuery = "x=y" },
			"another header":         func(r *http.Request) { set(r, "X-Amz-Target", "y") },
			"an added header":        func(r *http.Request) { set(r, "X-Amz-Extra", "y") },
			"another host":           func(r *http.Request) { r.Host = "localhost:8080" },
			"another date": func(r *http.Request) {
				set(r, "X-Amz-Date", time.Now().UTC().Add(-time.Second).Format("20060102T150405Z"))
			},
			"another day": func(r *http.Request) {
				set(r, "X-Amz-Date", time.Now().UTC().Add(-24*time.Hour).Format("20060102T150405Z"))
			},
			"another region": func(r *http.Request) { replace(r, "us-east-1", "us-east-2") },
			"another signature": func(r *http.Request) {
				replace(r, "Signature=", "Signature=00")
				a := r.Header.Get("Authorization")
				set(r, "Authorization", a[:len(a)-2])
			},
			"the host not signed":                  func(r *http.Request) { replace(r, ";host;", ";") },
			"a body that is said not to be signed": func(r *http.Request) { set(r, "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") },
		} {
			r := signed(keys)
			if w := s.Do(signed(keys)); w.Code != 200 {
				t.Fatalf("%s: unchanged, the request = %d %s", kind, w.Code, w.Body)
			}
			change(r)
			wantCode(t, s, kind+", "+name, r, 403, "SignatureDoesNotMatch")
		}
		r := get(s, form)
		keys.Presign(r, s.Scope("sts"), time.Minute)
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Expires=60", "X-Amz-Expires=600", 1)
		wantCode(t, s, kind+", a longer life of a presigned URL", r, 403, "SignatureDoesNotMatch")
	}
}

func withBody(r *http.Request, body string) *http.Request {
	fresh := httptest.NewRequest(r.Method, r.URL.String(), strings.NewReader(body))
	fresh.Header = r.Header
	return fresh
}

// A signature for another service is not one for this: whoever can have one signed must not get the other.
func TestSignatureOfAnotherServiceIsRefused(t *testing.T) {
	s := testkit.Start(t)
	for _, service := range []string{"signin", "s3", "STS", "execute-api"} {
		r := post(s, form)
		session(t, s).Sign(r, []byte(form), s.Scope(service))
		got := wantCode(t, s, service, r, 403, "SignatureDoesNotMatch")
		if !strings.Contains(got.Message, "sts") {
			t.Errorf("signed for %s: message %q does not say which service is needed", service, got.Message)
		}
	}
}

func TestRequestsThatAreNotForThisEndpoint(t *testing.T) {
	s := testkit.Start(t)
	twoPlaces := post(s, form)
	twoPlaces.URL.RawQuery = "Action=AssumeRole"
	for name, tt := range map[string]struct {
		r      *http.Request
		status int
		code   string
	}{
		"another action":          {post(s, "Action=AssumeRole&Version=2011-06-15"), 400, "InvalidAction"},
		"another version":         {post(s, "Action=GetCallerIdentity&Version=2011-06-16"), 400, "InvalidAction"},
		"no version":              {post(s, "Action=GetCallerIdentity"), 400, "InvalidAction"},
		"no action":               {post(s, "Version=2011-06-15"), 400, "MissingAction"},
		"nothing":                 {post(s, ""), 400, "MissingAction"},
		"two actions":             {post(s, form+"&Action=GetCallerIdentity"), 400, "MalformedQueryString"},
		"an action in two places": {twoPlaces, 400, "MalformedQueryString"},
		"a broken form":           {post(s, "Action=%zz"), 400, "MalformedQueryString"},
		"a long body":             {post(s, form+"&x="+strings.Repeat("x", 16<<10)), 413, "RequestEntityTooLarge"},
	} {
		wantCode(t, s, name, tt.r, tt.status, tt.code)
	}
}

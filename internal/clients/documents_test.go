package clients

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-id/latchkey/internal/fetch"
	"github.com/latchkey-id/latchkey/internal/signin"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// web is what there is at URLs, and how often each was asked for.
type web struct {
	mu     sync.Mutex
	pages  map[string][]byte
	header http.Header
	err    error // of all
	asked  map[string]int
	hold   chan struct{} // while it is open, nothing is answered
}

func newWeb(t *testing.T) (*web, *Finder) {
	t.Helper()
	w := &web{pages: map[string][]byte{documentID: doc("")}, asked: map[string]int{}}
	list, err := signin.ParseRedirectList(signin.DefaultRedirects())
	if err != nil {
		t.Fatal(err)
	}
	return w, &Finder{Redirects: list, Documents: NewDocuments(w.get)}
}

func (w *web) get(ctx context.Context, url string, limit int64) ([]byte, http.Header, error) {
	w.mu.Lock()
	w.asked[url]++
	page, header, err, hold := w.pages[url], w.header, w.err, w.hold
	w.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	if err == nil && page == nil {
		err = fmt.Errorf("%w: its status is 404", fetch.ErrAnswer)
	}
	return page, header, err
}

func (w *web) set(change func(w *web)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *web) times(url string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[url]
}

func TestClientIsWhatItsDocumentSays(t *testing.T) {
	w, f := newWeb(t)
	w.pages[documentID] = []byte(`{"client_id":"` + documentID + `","client_name":"Tool","redirect_uris":["https://claude.ai/cb","https://evil.example/cb","http://127.0.0.1:1/cb"]}`)
	c, err := f.Find(t.Context(), documentID, anybody(), noon)
	if err != nil || c.ID != documentID || c.Class != signin.Dynamic || c.Name != "Tool" || !c.MayRefresh() || !c.Expires.IsZero() {
		t.Fatalf("Find = %+v, %v", c, err)
	}
	// What this server's list does not have, it may not be sent to, whatever its document says.
	for uri, want := range map[string]bool{"https://claude.ai/cb": true, "http://127.0.0.1:77/cb": true, "https://evil.example/cb": false, "https://claude.ai/other": false} {
		if err := signin.AllowRedirect(c, uri, nil); (err == nil) != want {
			t.Errorf("AllowRedirect(%s) = %v, want allowed %v", uri, err, want)
		}
	}
}

func TestDocumentsAreNotReadUnlessTheOperatorAllowsIt(t *testing.T) {
	if _, err := (&Finder{}).Find(t.Context(), documentID, anybody(), noon); signin.KindOf(err) != signin.ClientUnknown {
		t.Errorf("Find = %v, want ClientUnknown", err)
	}
}

func TestDocumentIsFetchedAgainWhenItsTimeIsOver(t *testing.T) {
	w, f := newWeb(t)
	find := func(at time.Duration) error {
		_, err := f.Find(t.Context(), documentID, anybody(), noon.Add(at))
		return err
	}
	for _, step := range []struct {
		at    time.Duration
		asked int
	}{{0, 1}, {usually - 1, 1}, {usually, 2}, {2*usually - 1, 2}, {2 * usually, 3}} {
		if err := find(step.at); err != nil || w.times(documentID) != step.asked {
			t.Errorf("after %v: %v, fetched %d times, want %d", step.at, err, w.times(documentID), step.asked)
		}
	}
	// The server is away: the document is used on for a day, and its server left alone for a while.
	w.set(func(w *web) { w.err = fetch.ErrAway })
	over := 3 * usually
	for _, step := range []struct {
		at    time.Duration
		asked int
	}{{over, 4}, {over + unasked - 1, 4}, {over + unasked, 5}, {over + stale - 1, 6}} {
		if err := find(step.at); err != nil || w.times(documentID) != step.asked {
			t.Errorf("while the server is away, after %v: %v, fetched %d times, want %d", step.at, err, w.times(documentID), step.asked)
		}
	}
	if err := find(over + stale + unasked); signin.KindOf(err) != signin.IssuerUnavailable {
		t.Errorf("a day later: %v, want IssuerUnavailable", err)
	}
}

// A client whose document was taken away ends when its document is asked for again.
func TestDocumentThatIsGoneIsNotUsedOn(t *testing.T) {
	w, f := newWeb(t)
	if _, err := f.Find(t.Context(), documentID, anybody(), noon); err != nil {
		t.Fatal(err)
	}
	w.set(func(w *web) { w.pages[documentID] = nil })
	for i := range 3 {
		if _, err := f.Find(t.Context(), documentID, anybody(), noon.Add(usually)); signin.KindOf(err) != signin.ClientUnknown {
			t.Errorf("Find of what is gone = %v, want ClientUnknown", err)
		}
		if i == 2 && w.times(documentID) != 2 {
			t.Errorf("it was fetched %d times, want 2", w.times(documentID))
		}
	}
	w.set(func(w *web) { w.pages[documentID] = doc("") })
	if _, err := f.Find(t.Context(), documentID, anybody(), noon.Add(usually+refusedFor)); err != nil {
		t.Errorf("Find once it is back = %v", err)
	}
}

// Attack: learn what this server can reach from what it says about documents. Whatever is inside, or is nowhere, has one
// answer; why is in the log.
func TestRefusalsDoNotTellWhatIsInside(t *testing.T) {
	w, f := newWeb(t)
	said := map[string]bool{}
	for i, err := range []error{
		fmt.Errorf("dial: %w", fetch.ErrAddress), fmt.Errorf("%w: its status is 403", fetch.ErrAnswer),
		&net.DNSError{Err: "no such host", IsNotFound: true, Name: "x"}, fetch.ErrURL,
	} {
		w.set(func(w *web) { w.err = err })
		_, got := f.Find(t.Context(), fmt.Sprintf("https://h%d.example/x", i), anybody(), noon)
		fault, ok := errors.AsType[*signin.Fault](got)
		if !ok || fault.Kind != signin.ClientUnknown || !errors.Is(got, err) {
			t.Fatalf("%v: Find = %v", err, got)
		}
		said[fault.Message] = true
	}
	if len(said) != 1 {
		t.Errorf("%d different messages: %v", len(said), said)
	}
}

func TestManyWhoAskAtOnceAreOneFetch(t *testing.T) {
	w, f := newWeb(t)
	w.hold = make(chan struct{})
	// The first leaves before the answer; the others get it all the same.
	first, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := f.Find(first, documentID, anybody(), noon)
		gone <- err
	}()
	for w.times(documentID) == 0 {
		time.Sleep(time.Millisecond)
	}
	results := make(chan error)
	for range 20 {
		go func() {
			c, err := f.Find(t.Context(), documentID, anybody(), noon)
			if err == nil && c.ID != documentID {
				err = errors.New("another client")
			}
			results <- err
		}()
	}
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who left: %v", err)
	}
	close(w.hold)
	for range 20 {
		if err := <-results; err != nil {
			t.Errorf("Find = %v", err)
		}
	}
	if n := w.times(documentID); n != 1 {
		t.Errorf("fetched %d times, want once", n)
	}
}

// Attack: name thousands of documents on a host, or on names that all lead to one, so that this server floods it.
func TestStrangersCannotMakeThisServerFloodOthers(t *testing.T) {
	w, f := newWeb(t)
	for i := range 100 {
		f.Find(t.Context(), fmt.Sprintf("https://victim.example/%d", i), anybody(), noon)
	}
	total := func() (n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, times := range w.asked {
			n += times
		}
		return n
	}
	if n := total(); n != hostBurst {
		t.Errorf("one host was asked %d times, want %d", n, hostBurst)
	}
	for i := range 1000 {
		f.Find(t.Context(), fmt.Sprintf("https://v%d.example/x", i), anybody(), noon)
	}
	if n := total(); n != allBurst {
		t.Errorf("all hosts were asked %d times, want %d", n, allBurst)
	}
	_, err := f.Find(t.Context(), "https://another.example/x", anybody(), noon)
	if fault, ok := errors.AsType[*signin.Fault](err); !ok || fault.Kind != signin.Throttled || fault.RetryAfter <= 0 {
		t.Errorf("Find = %v, want Throttled with a time", err)
	}
	if _, err := f.Find(t.Context(), "https://another.example/x", anybody(), noon.Add(time.Minute)); signin.KindOf(err) != signin.ClientUnknown {
		t.Errorf("a minute later: %v, want ClientUnknown", err)
	}
}

// Attack: fill the memory with documents, or with what is none, and push out those of others.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	w, f := newWeb(t)
	d := f.Documents
	for i := range maxRefused + maxDocuments + 100 {
		now := noon.Add(time.Duration(i) * time.Second)
		id := fmt.Sprintf("https://h%d.example/x", i)
		if i%4 == 0 {
			w.set(func(w *web) { w.pages[id] = []byte(strings.ReplaceAll(string(doc("")), documentID, id)) })
		}
		d.find(t.Context(), id, anybody(), now)
		if i%16 == 0 { // a document in use stays
			if _, err := d.find(t.Context(), documentID, anybody(), now); err != nil {
				t.Fatalf("a document in use: %v", err)
			}
		}
	}
	if len(d.known.rows) > maxDocuments || len(d.no.rows) > maxRefused || len(d.under) != 0 || d.hosts.Len() > maxHosts {
		t.Errorf("remembered are %d documents, %d refusals, %d fetches, %d hosts", len(d.known.rows), len(d.no.rows), len(d.under), d.hosts.Len())
	}
	if n := w.times(documentID); n > 5 {
		t.Errorf("the document in use was fetched %d times", n)
	}
}

var askers atomic.Uint32

// anybody returns an address of a network that nobody asked from before.
func anybody() netip.Addr {
	n := askers.Add(1)
	return netip.AddrFrom4([4]byte{10 + byte(n>>16), byte(n >> 8), byte(n), 1})
}

// Attack: keep people out of a client. Mallory, at one address, names documents that there are not on the host of the client,
// so that the host is not asked for the one that there is; or documents on hosts of hers that do not answer, so that the
// server is busy with them.
func TestOneAskerDoesNotKeepOthersFromTheirClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, f := newWeb(t)
		mallory := netip.MustParseAddr("192.0.2.66")
		host, _ := strings.CutSuffix(documentID, "/metadata.json")
		for i := range 50 {
			f.Find(t.Context(), fmt.Sprintf("%s/none%d", host, i), mallory, noon)
		}
		if _, err := f.Find(t.Context(), documentID, anybody(), noon); err != nil {
			t.Errorf("after one address asked the host of the client for other documents, Find = %v", err)
		}

		now := noon.Add(time.Hour)
		w.set(func(w *web) { w.hold = make(chan struct{}) })
		for i := range 50 {
			go f.Find(t.Context(), fmt.Sprintf("https://h%d.mallory.example/x", i), mallory, now)
		}
		synctest.Wait()
		hold := w.hold
		w.set(func(w *web) {
			w.hold, w.pages["https://other.example/x"] = nil, []byte(strings.ReplaceAll(string(doc("")), documentID, "https://other.example/x"))
		})
		if _, err := f.Find(t.Context(), "https://other.example/x", anybody(), now); err != nil {
			t.Errorf("while hosts that one address named do not answer, Find = %v", err)
		}
		close(hold)
	})
}

// Attack: the same from many addresses. What was known before is still looked after.
func TestAKnownDocumentIsRenewedWhateverStrangersAsk(t *testing.T) {
	w, f := newWeb(t)
	if _, err := f.Find(t.Context(), documentID, anybody(), noon); err != nil {
		t.Fatal(err)
	}
	host, _ := strings.CutSuffix(documentID, "/metadata.json")
	for i := range 200 {
		f.Find(t.Context(), fmt.Sprintf("%s/none%d", host, i), anybody(), noon.Add(usually))
	}
	if _, err := f.Find(t.Context(), documentID, anybody(), noon.Add(usually)); err != nil || w.times(documentID) != 2 {
		t.Errorf("Find of a document that was known = %v, and it was fetched %d times, want 2", err, w.times(documentID))
	}
}

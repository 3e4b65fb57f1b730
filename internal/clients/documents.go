package clients

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/fetch"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/signin"
)

const (
	// A document is kept for as long as its answer says, within these bounds, or for usually.
	shortest = 5 * time.Minute
	usually  = time.Hour
	longest  = 24 * time.Hour
	// stale is how long a document is used on after that, where its server does not answer.
	stale = 24 * time.Hour
	// refusedFor is how long it is remembered that there is no document; unasked, for how long a server that did not answer
	// is left alone.
	refusedFor = 5 * time.Minute
	unasked    = 30 * time.Second
	// maxDocuments and maxRefused are how many of each are remembered.
	maxDocuments = 1024
	maxRefused   = 8192
	// atOnce is how many documents are fetched at a time.
	atOnce = 16

	// Strangers say what is fetched. They must not make this server bother others, so each host is asked for hostBurst
	// documents and then for one every hostEvery, and all hosts together, whose names can lead to one, for allBurst and one
	// every allEvery. Nor must one of them keep others from their clients by using that up, or by naming hosts that do not
	// answer, so from each network, as of limit.Site, there are askerBurst and one every askerEvery, which is less of either.
	hostBurst, hostEvery   = 10, 5 * time.Second
	allBurst, allEvery     = 100, 50 * time.Millisecond
	askerBurst, askerEvery = 6, 15 * time.Second
	maxHosts               = 1 << 12
	maxAskers              = 1 << 14
)

// Get gets the document at a URL, which has at most limit bytes, as fetch.Fetcher.Get does, with its errors.
type Get func(ctx context.Context, url string, limit int64) ([]byte, http.Header, error)

// Documents fetches client id metadata documents, and keeps them for a while. It is safe for concurrent use.
type Documents struct {
	fetch Get
	gate  *limit.Gate
	hosts *limit.Buckets[string]
	all   *limit.Buckets[struct{}]
	from  *limit.Buckets[netip.Addr]

	mu    sync.Mutex
	known *kept[Metadata]
	no    *kept[error] // why there is none
	under map[string]*flight
}

const busyFetching = "The server fetches as many client id metadata documents as it may. Wait the seconds that Retry-After says, then try again."

// flight is a fetch under way, which all who ask for the same document wait for.
type flight struct {
	done chan struct{}
	m    Metadata
	err  error
}

// NewDocuments returns Documents that are got with fetch.
func NewDocuments(fetch Get) *Documents {
	return &Documents{
		fetch: fetch, gate: limit.NewGate(atOnce, atOnce, time.Second, busyFetching),
		hosts: limit.NewBuckets[string](hostBurst, hostEvery, maxHosts), all: limit.NewBuckets[struct{}](allBurst, allEvery, 1),
		from:  limit.NewBuckets[netip.Addr](askerBurst, askerEvery, maxAskers),
		known: newKept[Metadata](maxDocuments), no: newKept[error](maxRefused), under: map[string]*flight{},
	}
}

// find returns what the document at id says. A ClientUnknown fault: there is none that this server takes.
func (d *Documents) find(ctx context.Context, id string, from netip.Addr, now time.Time) (Metadata, error) {
	if err := checkDocumentID(id); err != nil {
		return Metadata{}, err
	}
	d.mu.Lock()
	if m, ok := d.known.get(id, now); ok {
		d.mu.Unlock()
		return m, nil
	}
	if err, ok := d.no.get(id, now); ok {
		d.mu.Unlock()
		return Metadata{}, err
	}
	f := d.under[id]
	if f == nil {
		f = &flight{done: make(chan struct{})}
		d.under[id] = f
		// The first who asks may leave; the others still wait for it. It ends by the time limit of the fetcher.
		go d.fly(context.WithoutCancel(ctx), f, id, from, now)
	}
	d.mu.Unlock()
	select {
	case <-f.done:
		return f.m, f.err
	case <-ctx.Done():
		return Metadata{}, ctx.Err()
	}
}

// fly fetches the document at id and keeps what came of it.
func (d *Documents) fly(ctx context.Context, f *flight, id string, from netip.Addr, now time.Time) {
	m, lasts, err := d.ask(ctx, id, from, now)
	d.mu.Lock()
	defer d.mu.Unlock()
	defer close(f.done)
	delete(d.under, id)
	if err == nil {
		d.known.put(id, m, now, now.Add(lasts), now.Add(lasts+stale))
		f.m = m
		return
	}
	if gone(err) {
		d.known.remove(id)
	} else if old, until, ok := d.known.stale(id, now); ok {
		d.known.put(id, old, now, now.Add(unasked), until)
		f.m = old
		return
	}
	if _, busy := errors.AsType[*signin.Fault](err); busy { // nobody asked, so nothing is known
		f.err = err
		return
	}
	wait := refusedFor
	if f.err = refuseDocument(err); !gone(err) {
		wait = unasked
		f.err = &signin.Fault{Kind: signin.IssuerUnavailable, RetryAfter: wait, Err: err,
			Message: "the client id metadata document at this client_id cannot be had now: its server does not answer. Try again later"}
	}
	d.no.put(id, f.err, now, now.Add(wait), now.Add(wait))
}

// ask fetches the document at id when that is not too much for this server or for that of the document. One that was there
// before is not a stranger's word, and there are few: it is fetched at any pace.
func (d *Documents) ask(ctx context.Context, id string, from netip.Addr, now time.Time) (Metadata, time.Duration, error) {
	leave, err := d.gate.Enter(ctx)
	if err != nil {
		return Metadata{}, 0, err
	}
	defer leave()
	u, err := url.Parse(id)
	if err != nil {
		return Metadata{}, 0, errDocumentID
	}
	if wait := d.wait(id, u.Host, from, now); wait > 0 {
		return Metadata{}, 0, &signin.Fault{Kind: signin.Throttled, Message: busyFetching, RetryAfter: wait}
	}
	return get(ctx, d.fetch, id)
}

// wait returns how long somebody at from has to wait before the document at id may be asked for.
func (d *Documents) wait(id, host string, from netip.Addr, now time.Time) time.Duration {
	d.mu.Lock()
	_, _, known := d.known.stale(id, now)
	d.mu.Unlock()
	if known {
		return 0
	}
	wait := d.from.Take(limit.Site(from), now)
	if wait == 0 {
		wait = d.hosts.Take(host, now)
	}
	if wait == 0 {
		wait = d.all.Take(struct{}{}, now)
	}
	return wait
}

// gone tells whether err means that there is no document of a client at the URL, rather than that nobody could be asked.
func gone(err error) bool {
	_, refused := errors.AsType[notDocument](err)
	dns, resolved := errors.AsType[*net.DNSError](err)
	return refused || resolved && dns.IsNotFound || errors.Is(err, fetch.ErrAnswer) || errors.Is(err, fetch.ErrAddress) || errors.Is(err, fetch.ErrURL)
}

// refuseDocument tells the caller what is wrong with a document. Why it could not be fetched is for the log alone: it would
// tell strangers what this server can reach.
func refuseDocument(err error) error {
	if why, ok := errors.AsType[notDocument](err); ok {
		return signin.RefuseBecause(err, signin.ClientUnknown, "the client id metadata document at this client_id is refused: %s", string(why))
	}
	return signin.RefuseBecause(err, signin.ClientUnknown, "there is no client id metadata document at this client_id: it must answer this server with status 200 and application/json, at most %d bytes, without a redirect", maxDocument)
}

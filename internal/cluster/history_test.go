package cluster

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// forever is when something returns of which nobody knows whether and when it happened.
const forever = math.MaxInt64

// moment is a time of the history: nanoseconds since it began, by a clock that never goes back.
type moment = int64

// event is one operation on the service as its caller saw it.
type event struct {
	kind   kind
	login  int // number of the login; -1: of the administrator
	person int
	node   int
	call   moment
	ret    moment // forever: no answer came, so it may yet happen

	status int    // 0: no answer
	code   string // member error of the answer

	// What a good answer says, as read by somebody who can open it.
	start time.Time // of the session
	step  int64
	key   uint32 // of the ring, that sealed it
	said  uint64 // all of it, hashed, but for the seconds that are left

	proof int       // number of the proof, which may be sent more than once
	made  time.Time // when it was made

	// Of an agent's refresh, step is the generation of the token that is brought, and proof the number of its request.
	began, done time.Time // when it was sent and answered, in the world of the nodes
	issued      time.Time // when the answer says that its tokens were made

	// What an administrator's rotation said: the key, and from when it is used.
	from time.Time
}

// kind is what was asked for.
type kind string

const (
	approve kind = "approve" // a person let a client in; its answer is a code
	redeem  kind = "redeem"
	refresh kind = "refresh"
	logOut  kind = "log out" // its holder ended the session
	shut    kind = "shut"    // the administrator took a person's access away
	open    kind = "open"    // and gave it back
	rotate  kind = "rotate"
	enrol   kind = "enrol"   // an agent registers itself
	advance kind = "advance" // an agent brings a refresh token for the next one
	hear    kind = "hear"    // a node learns of a revocation; nobody sees when
)

func (e event) String() string {
	switch e.kind {
	case refresh:
		if e.status == 200 {
			return fmt.Sprintf("refresh at %d, proof %d: step %d, key %d, %04x", e.node, e.proof, e.step, e.key, e.said&0xffff)
		}
		return fmt.Sprintf("refresh at %d, proof %d: %d %s", e.node, e.proof, e.status, e.code)
	case advance:
		return fmt.Sprintf("request %d of generation %d at %d, clock %s: %d %04x", e.proof, e.step, e.node, e.began.Add(skews[e.node]).Format("15:04:05.000"), e.status, e.said&0xffff)
	case shut, open:
		return fmt.Sprintf("%s person %d", e.kind, e.person)
	case rotate:
		return fmt.Sprintf("rotate: key %d from %s", e.key, e.from.Format(time.TimeOnly))
	case hear:
		return fmt.Sprintf("node %d hears of revocation %d", e.node, e.key)
	}
	return fmt.Sprintf("%s at %d: %d %s", e.kind, e.node, e.status, e.code)
}

// span is a stretch of the history.
type span struct{ from, to moment }

func (s span) overlaps(from, to moment) bool { return s.from <= to && from <= s.to }

// failure is an answer that only trouble excuses.
type failure struct {
	event
	what string
}

// trouble is why a node may fail.
type trouble string

const (
	dead trouble = "dead" // killed or stopped: no connection
	away trouble = "away" // without the database: no login, and no news
	deaf trouble = "deaf" // without news for so long that it refuses sessions
)

// history is everything that was asked and answered.
type history struct {
	began time.Time

	mu       sync.Mutex
	events   []event
	checked  int // how many of them were held against the model; see rules.check
	failures []failure
	troubles map[trouble]map[int][]span
	numbers  int
}

func newHistory() *history {
	return &history{began: time.Now(), troubles: map[trouble]map[int][]span{}}
}

func (h *history) now() moment { return int64(time.Since(h.began)) }

func (h *history) add(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// fail records what only trouble of the node excuses.
func (h *history) fail(e event, what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures = append(h.failures, failure{e, what})
}

// number returns a number that was not given before.
func (h *history) number() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.numbers++
	return h.numbers
}

// trouble notes that nodes are in trouble from now on, until the function that it returns is called; after is how long
// the trouble may show after that.
func (h *history) trouble(what trouble, nodes ...int) (over func(after time.Duration)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.troubles[what] == nil {
		h.troubles[what] = map[int][]span{}
	}
	at := map[int]int{}
	for _, n := range nodes {
		at[n] = len(h.troubles[what][n])
		h.troubles[what][n] = append(h.troubles[what][n], span{h.now(), forever})
	}
	return func(after time.Duration) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for n, i := range at {
			h.troubles[what][n][i].to = h.now() + int64(after)
		}
	}
}

// excusedLocked tells whether one of those troubles of the node was there while e went on.
func (h *history) excusedLocked(e event, by ...trouble) bool {
	for _, what := range by {
		if slices.ContainsFunc(h.troubles[what][e.node], func(s span) bool { return s.overlaps(e.call, e.ret) }) {
			return true
		}
	}
	return false
}

// deadlineLocked returns when a node has heard of what was revoked in an operation from call to ret: bound after that, or after
// the node has the database again.
func (h *history) deadlineLocked(node int, call, ret moment) moment {
	if ret == forever {
		return forever
	}
	end := ret + int64(bound)
	for _, s := range h.troubles[away][node] { // by time
		switch {
		case !s.overlaps(call, end):
		case s.to == forever:
			return forever
		default:
			end = max(end, s.to+int64(bound))
		}
	}
	return end
}

// bound is within what time a node hears of a revocation.
const bound = 2 * time.Second

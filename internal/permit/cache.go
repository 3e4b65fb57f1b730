package permit

import (
	"sync"
	"time"

	"github.com/latchkey-id/latchkey/internal/policy"
)

const (
	// believed is how long policies are taken for what the store said; the promise is that a change is heeded within two seconds.
	believed = time.Second
	// most is how many principals are remembered.
	most = 4096
	// mostDocuments is how many compiled documents are. Many principals share few: those of roles, groups and accounts.
	mostDocuments = 1024
)

// cache keeps the policies of principals that ask often.
type cache struct {
	mu      sync.Mutex
	entries map[string]entry

	compiling sync.Mutex
	documents map[string]policy.Document // by their text, so that none is ever out of date
}

type entry struct {
	found findings
	at    time.Time // of the question that they were looked up for, which is before they were
	asOf  int64     // Ask.AsOf of it
}

func newCache() *cache {
	return &cache{entries: map[string]entry{}, documents: map[string]policy.Document{}}
}

// get returns the policies under key, by find where they are not known, or may be older than ask demands. What find fails
// with is not kept.
func (c *cache) get(key string, ask Ask, find func() (findings, error)) (findings, error) {
	c.mu.Lock()
	e, ok := c.entries[key]
	c.mu.Unlock()
	if ok && fresh(e, ask.Now) && e.asOf >= ask.AsOf {
		return e.found, nil
	}
	found, err := find()
	if err != nil {
		return found, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= most {
		for k, e := range c.entries {
			if !fresh(e, ask.Now) {
				delete(c.entries, k)
			}
		}
		if len(c.entries) >= most {
			clear(c.entries)
		}
	}
	c.entries[key] = entry{found, ask.Now, ask.AsOf}
	return found, nil
}

// fresh tells whether e is still believed. A clock that was set back must not make an old answer last.
func fresh(e entry, now time.Time) bool {
	age := now.Sub(e.at)
	return age >= 0 && age < believed
}

// document returns the compiled form of a document.
func (c *cache) document(text string) (policy.Document, error) {
	c.compiling.Lock()
	d, ok := c.documents[text]
	c.compiling.Unlock()
	if ok {
		return d, nil
	}
	d, err := policy.Parse(text)
	if err != nil {
		return d, err
	}
	c.compiling.Lock()
	defer c.compiling.Unlock()
	if len(c.documents) >= mostDocuments {
		clear(c.documents)
	}
	c.documents[text] = d
	return d, nil
}

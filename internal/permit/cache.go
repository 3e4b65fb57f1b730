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
)

// cache keeps the policies of principals that ask often.
type cache struct {
	mu      sync.Mutex
	entries map[string]entry
}

type entry struct {
	policies policy.Policies
	at       time.Time
}

// get returns the policies under key, by find where they are not known. What find fails with is not kept.
func (c *cache) get(key string, now time.Time, find func() (policy.Policies, error)) (policy.Policies, error) {
	c.mu.Lock()
	e, ok := c.entries[key]
	c.mu.Unlock()
	// A clock that was set back must not make an old answer last.
	if age := now.Sub(e.at); ok && age >= 0 && age < believed {
		return e.policies, nil
	}
	policies, err := find()
	if err != nil {
		return policies, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= most {
		for k, e := range c.entries {
			if age := now.Sub(e.at); age < 0 || age >= believed {
				delete(c.entries, k)
			}
		}
		if len(c.entries) >= most {
			clear(c.entries)
		}
	}
	c.entries[key] = entry{policies, now}
	return policies, nil
}

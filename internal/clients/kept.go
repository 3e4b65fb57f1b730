package clients

import "time"

// kept is a bounded map of what was learned, each until a time. Its user holds a lock.
type kept[V any] struct {
	most int
	rows map[string]*row[V]
}

type row[V any] struct {
	value V
	// fresh is until when the value is good; last until when it may still be used where nothing newer can be had.
	fresh, last time.Time
	used        time.Time
}

func newKept[V any](most int) *kept[V] { return &kept[V]{most: most, rows: map[string]*row[V]{}} }

// get returns the value of key while it is fresh.
func (k *kept[V]) get(key string, now time.Time) (v V, ok bool) {
	r := k.rows[key]
	if r == nil || !now.Before(r.fresh) {
		return v, false
	}
	r.used = now
	return r.value, true
}

// stale returns the value of key while it may still be used, and until when.
func (k *kept[V]) stale(key string, now time.Time) (v V, until time.Time, ok bool) {
	r := k.rows[key]
	if r == nil || !now.Before(r.last) {
		return v, until, false
	}
	return r.value, r.last, true
}

func (k *kept[V]) put(key string, v V, now, fresh, last time.Time) {
	if k.rows[key] == nil && len(k.rows) >= k.most {
		k.forget()
	}
	k.rows[key] = &row[V]{value: v, fresh: fresh, last: last, used: now}
}

func (k *kept[V]) remove(key string) { delete(k.rows, key) }

// forget makes room: of a few, which the map gives in random order, the one goes that was not used for longest.
func (k *kept[V]) forget() {
	const looks = 16
	seen, oldest := 0, ""
	for key, r := range k.rows {
		if oldest == "" || r.used.Before(k.rows[oldest].used) {
			oldest = key
		}
		if seen++; seen == looks {
			break
		}
	}
	delete(k.rows, oldest)
}

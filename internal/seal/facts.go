package seal

import (
	"encoding/binary"
	"math"
	"time"
)

// factsVersion is the first byte of all facts. A change of any layout below raises it.
const factsVersion = 2

// writer appends fields in order.
type writer struct{ b []byte }

func newWriter(b []byte) writer { return writer{append(b, factsVersion)} }

func (w *writer) raw(b []byte) { w.b = append(w.b, b...) }

func (w *writer) text(s string) {
	w.b = binary.AppendUvarint(w.b, uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) number(n int64) { w.b = binary.AppendVarint(w.b, n) }

// seconds and millis keep a time as a number, the zero time as the smallest number.
func (w *writer) seconds(t time.Time) { w.number(unix(t, t.Unix())) }
func (w *writer) millis(t time.Time)  { w.number(unix(t, t.UnixMilli())) }

func unix(t time.Time, n int64) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return n
}

// reader takes fields in the same order. After the first failure every read gives zero values; done tells.
type reader struct {
	b      []byte
	failed bool
}

func newReader(facts []byte) reader {
	r := reader{b: facts}
	if v := r.take(1); r.failed || v[0] != factsVersion {
		r.failed = true
	}
	return r
}

func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || len(r.b) < n {
		r.failed = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) raw(dst []byte) { copy(dst, r.take(len(dst))) }

func (r *reader) text() string {
	if r.failed {
		return ""
	}
	n, used := binary.Uvarint(r.b)
	if used <= 0 || n > uint64(len(r.b)) {
		r.failed = true
		return ""
	}
	r.b = r.b[used:]
	return string(r.take(int(n)))
}

func (r *reader) number() int64 {
	if r.failed {
		return 0
	}
	n, used := binary.Varint(r.b)
	if used <= 0 {
		r.failed = true
		return 0
	}
	r.b = r.b[used:]
	return n
}

// next tells whether n is the next field, and passes over it when it is.
func (r *reader) next(n int64) bool {
	before := *r
	if r.number() == n && !r.failed {
		return true
	}
	*r = before
	return false
}

func (r *reader) seconds() time.Time {
	if n := r.number(); n != math.MinInt64 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}

func (r *reader) millis() time.Time {
	if n := r.number(); n != math.MinInt64 {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}

// done returns ErrNotOurs unless every field was there and nothing is left.
func (r *reader) done() error {
	if r.failed || len(r.b) != 0 {
		return ErrNotOurs
	}
	return nil
}

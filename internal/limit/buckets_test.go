package limit

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestBucketThatIsFullIsForgotten(t *testing.T) {
	b := NewBuckets[int](3, 10*time.Second, 100)
	b.Take(1, noon)
	b.GiveBack(1, noon)
	if b.Len() != 0 {
		t.Errorf("%d entries after all was given back, want 0", b.Len())
	}
}

// A flood of names or addresses must not take the server's memory, nor wash out at once who failed most.
func TestBucketsAreBounded(t *testing.T) {
	b := NewBuckets[int](3, 10*time.Second, 100)
	for range 3 {
		b.Take(-1, noon)
	}
	for i := range 10_000 {
		b.Take(i, noon)
		if b.Len() > 100 {
			t.Fatalf("%d entries after %d keys, want at most 100", b.Len(), i+1)
		}
	}
	if wait := b.Take(-1, noon); wait == 0 {
		t.Error("the emptiest bucket was forgotten before others")
	}
	for i := range 1000 {
		b.Take(100_000+i, noon.Add(time.Hour))
	}
	if b.Len() > 100 {
		t.Errorf("%d entries an hour later, want at most 100", b.Len())
	}
}

func TestDebtIsForgivenBeyondTheLongestDelay(t *testing.T) {
	b := NewBuckets[string](2, 3*time.Second, 100)
	var waits []string
	for range 6 {
		waits = append(waits, b.Owe("k", 5*time.Second, noon).String())
	}
	if got, want := strings.Join(waits, " "), "0s 0s 3s 5s 5s 5s"; got != want {
		t.Errorf("waits are %s, want %s", got, want)
	}
	if wait := b.Owe("k", 5*time.Second, noon.Add(11*time.Second)); wait != 0 {
		t.Errorf("11 s later: wait %v, want 0", wait)
	}
}

func TestBucketGivesBackWithTime(t *testing.T) {
	b := NewBuckets[string](3, 10*time.Second, 100)
	for i := range 3 {
		if wait := b.Take("k", noon); wait != 0 {
			t.Fatalf("take %d: wait %v, want 0", i+1, wait)
		}
	}
	if wait := b.Take("k", noon); wait != 10*time.Second {
		t.Errorf("fourth take: wait %v, want 10s", wait)
	}
	if wait := b.Take("k", noon.Add(9*time.Second)); wait != time.Second {
		t.Errorf("take after 9 s: wait %v, want 1s", wait)
	}
	if wait := b.Take("k", noon.Add(10*time.Second)); wait != 0 {
		t.Errorf("take after 10 s: wait %v, want 0", wait)
	}
	b.GiveBack("k", noon.Add(10*time.Second))
	if wait := b.Take("k", noon.Add(10*time.Second)); wait != 0 {
		t.Errorf("take after it was given back: wait %v, want 0", wait)
	}
	if wait := b.Take("other", noon); wait != 0 {
		t.Errorf("take of another key: wait %v, want 0", wait)
	}
}

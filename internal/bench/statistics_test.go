package bench

import (
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{5, 1, 3}, 3},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{1, 1, 1000}, 1}, // one disturbed round changes nothing
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v, want NaN, which passes no limit", got)
	}
}

func TestSpread(t *testing.T) {
	if got, want := spreadOf([]float64{2, 9, 4}), (Spread{Median: 4, Low: 2, High: 9}); got != want {
		t.Errorf("spreadOf = %+v, want %+v", got, want)
	}
	if got := spreadOf(nil); got != (Spread{}) {
		t.Errorf("spreadOf(nil) = %+v, want zeros, which JSON can hold", got)
	}
}

// A machine that becomes slower while it is measured must not change the ratio.
func TestRatiosAreTakenRoundByRound(t *testing.T) {
	a, b := []float64{10, 20, 40}, []float64{5, 10, 20}
	for i, got := range ratios(a, b) {
		if got != 2 {
			t.Errorf("ratios[%d] = %v, want 2", i, got)
		}
	}
	if got := len(ratios(a, b[:2])); got != 2 {
		t.Errorf("ratios of 3 and 2 rounds = %d values, want 2", got)
	}
}

func TestNoiseLimit(t *testing.T) {
	for _, test := range []struct {
		name  string
		pairs []float64
		want  float64
	}{
		{"quiet machine", []float64{1, 1.001, 0.999, 1}, 1 + leastNoise},
		{"wild machine", []float64{0.5, 1.5, 0.7, 1.4, 1, 1.9}, 1 + mostNoise},
		{"one disturbed round", []float64{1, 1.001, 0.999, 1, 1.8}, 1 + leastNoise},
		{"no rounds", nil, 1 + leastNoise},
	} {
		if got := noiseLimit(test.pairs); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: noiseLimit(%v) = %v, want %v", test.name, test.pairs, got, test.want)
		}
	}
	between := noiseLimit([]float64{0.97, 1.03, 0.97, 1.03, 0.97, 1.03})
	if between <= 1+leastNoise || between >= 1+mostNoise {
		t.Errorf("noiseLimit of some noise = %v, want a limit between the bounds", between)
	}
}

package bench

import (
	"math"
	"slices"
)

// Spread is the middle and the ends of a number of measurements.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// spreadOf returns the spread of values, and zeros of none.
func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	return Spread{Median: median(values), Low: slices.Min(values), High: slices.Max(values)}
}

// median returns the middle value, or the mean of the middle two; NaN of no values.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratios divides a[i] by b[i], which were measured one after the other, so that what changes on the machine from round
// to round changes both.
func ratios(a, b []float64) []float64 {
	pairs := make([]float64, min(len(a), len(b)))
	for i := range pairs {
		pairs[i] = a[i] / b[i]
	}
	return pairs
}

// The bounds of noise as noiseLimit tells it: no less, because a small difference proves nothing on a shared machine,
// and no more, because a machine on which everything is noise must not let everything pass.
const (
	leastNoise = 0.03
	mostNoise  = 0.10
)

// noiseLimit returns the highest median of pairs that is still no difference: 1 and three standard errors of the
// median, which are estimated from the median distance to the median so that one disturbed round does not widen it.
func noiseLimit(pairs []float64) float64 {
	if len(pairs) == 0 {
		return 1 + leastNoise
	}
	middle := median(pairs)
	distances := make([]float64, len(pairs))
	for i, p := range pairs {
		distances[i] = math.Abs(p - middle)
	}
	// 1.4826 makes a standard deviation of the median distance, 1.2533 a standard error of the median of that of the
	// mean, both for values that are normally distributed.
	standardError := 1.4826 * median(distances) * 1.2533 / math.Sqrt(float64(len(pairs)))
	return 1 + min(mostNoise, max(leastNoise, 3*standardError))
}

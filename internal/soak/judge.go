package soak

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Series is one thing that was measured at even times over a run.
type Series struct {
	Name   string
	Values []float64
	// Scale is what a value is divided by in the table, and Unit what is then counted.
	Scale float64
	Unit  string
	// Growth and Slack are what the last part may lie above the first: as a share of it, and beside that.
	Growth, Slack float64
}

// Finding is the verdict on a series.
type Finding struct {
	Series
	// First and Last are the medians of the two halves of the time after the warm-up.
	First, Last float64
	Grows       bool
}

// warmUp is the share of the run that is not looked at: caches fill, and what expires has not begun to.
const warmUp = 0.4

// fewest is how many samples a run must have to be judged.
const fewest = 20

// Judge compares the medians of the first and the last half of s after the warm-up. It fails when there are too few
// samples.
func Judge(s Series) (Finding, error) {
	rest := s.Values[int(float64(len(s.Values))*warmUp):]
	if len(s.Values) < fewest {
		return Finding{}, fmt.Errorf("%s: %d samples are too few for a verdict, want %d", s.Name, len(s.Values), fewest)
	}
	f := Finding{Series: s, First: median(rest[:len(rest)/2]), Last: median(rest[len(rest)/2:])}
	f.Grows = math.IsNaN(f.First) || math.IsNaN(f.Last) || f.Last > f.First*(1+s.Growth)+s.Slack
	return f, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Table returns the findings as text, a line for each.
func Table(findings []Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-28s %12s %12s %8s %12s\n", "", "first half", "last half", "ratio", "may be")
	for _, f := range findings {
		verdict := ""
		if f.Grows {
			verdict = "  GROWS"
		}
		ratio := "-"
		if f.First > 0 {
			ratio = fmt.Sprintf("%.2f", f.Last/f.First)
		}
		fmt.Fprintf(&b, "%-28s %12.1f %12.1f %8s %12.1f%s\n", f.Name+" ("+f.Unit+")", f.First/f.Scale, f.Last/f.Scale, ratio,
			(f.First*(1+f.Growth)+f.Slack)/f.Scale, verdict)
	}
	return b.String()
}

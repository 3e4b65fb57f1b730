package capacity

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// The calculation and the simulation share only their assumptions: one is algebra about means, the other lets clients
// live. Where they agree, neither has a mistake of its own.
func TestSimulationAgreesWithCalculation(t *testing.T) {
	for name, change := range map[string]func(*Assumptions){
		"defaults":      func(*Assumptions) {},
		"world":         func(a *Assumptions) { a.Flat = true },
		"seldom calls":  func(a *Assumptions) { a.CallSeconds = 300 },
		"short use":     func(a *Assumptions) { a.UseMinutes = 20; a.InUse = 0.1 },
		"much failing":  func(a *Assumptions) { a.Failures = 0.2 },
		"many programs": func(a *Assumptions) { a.Programs = 4 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Defaults()
			change(&a)
			d, s := a.Demand(), Simulate(a, 4000, 7)
			for _, c := range []struct {
				what      string
				calc, sim [24]float64
				within    float64
			}{
				{"alive", d.Alive, s.Alive, 0.02},
				{"logins", d.Logins, s.Logins, 0.15}, // of few sessions: the noise is theirs
				{"refreshes", d.Refreshes, s.Refreshes, 0.06},
			} {
				if ratio := slices.Max(c.sim[:]) / slices.Max(c.calc[:]); math.Abs(ratio-1) > c.within {
					t.Errorf("%s in the busiest hour: simulated / calculated = %.3f, want 1 ± %v", c.what, ratio, c.within)
				}
			}
		})
	}
}

func TestSameSeedSameDay(t *testing.T) {
	a := Defaults()
	one, same, other := Simulate(a, 500, 3), Simulate(a, 500, 3), Simulate(a, 500, 4)
	if one != same {
		t.Error("Simulate with the same seed gave another day")
	}
	if one == other {
		t.Error("Simulate with another seed gave the same day")
	}
}

func TestBusiestMomentHasTheSessionsAskedFor(t *testing.T) {
	for _, flat := range []bool{false, true} {
		a := Defaults()
		a.Flat, a.Sessions, a.Cells = flat, 5e6, 5
		d := a.Demand()
		if got := slices.Max(d.Alive[:]); math.Abs(got-1e6) > 1 {
			t.Errorf("flat %v: %v sessions are alive at the busiest moment of a cell, want a million", flat, got)
		}
		if flat && math.Abs(d.LoginsPerDay-2e6) > 1 {
			t.Errorf("%v logins a day, want two for each session of half a day", d.LoginsPerDay)
		}
	}
}

// The rate of a session that is in use all the time is that of the lifetimes: once in 600 s.
func TestRefreshRateOfASessionAlwaysInUse(t *testing.T) {
	a := Defaults()
	a.UseMinutes, a.CallSeconds, a.Failures = 1e6, 0.1, 0
	if got := 1 / a.perUse(); math.Abs(got-600) > 1 {
		t.Errorf("a session refreshes every %.1f s, want 600", got)
	}
}

func TestNodesGrowWithTheWork(t *testing.T) {
	c, a := Measured(), Defaults()
	a.Spare = 0
	nodes := func(change func(*Assumptions)) float64 {
		a := a
		change(&a)
		return New(a, c).Nodes
	}
	base := nodes(func(a *Assumptions) { a.Sessions = 1e8 })
	if twice := nodes(func(a *Assumptions) { a.Sessions = 2e8 }); math.Abs(twice-2*base) > 1 {
		t.Errorf("%v nodes for twice the sessions of %v nodes", twice, base)
	}
	if got := nodes(func(a *Assumptions) { a.Sessions = 1e8; a.Spare = 3 }); got != base+3 {
		t.Errorf("%v nodes with three spare, want %v", got, base+3)
	}
	if got := nodes(func(a *Assumptions) { a.Sessions = 1e8; a.Handshakes = 0 }); got >= base {
		t.Errorf("%v nodes behind a proxy that ends TLS, want less than %v", got, base)
	}
	p := New(a, c)
	sum := p.RefreshCores + p.LoginCores + p.PasswordCores + p.TLSCores + p.StoreCores
	if math.Abs(sum-p.NodeCores) > 1e-9 || p.NodeCores <= 0 {
		t.Errorf("the cores by purpose are %v together, want %v", sum, p.NodeCores)
	}
}

func TestEngineFollowsTheLoad(t *testing.T) {
	for _, tt := range []struct {
		sessions, spare float64
		want            string
	}{
		{1e5, 0, "SQLite"}, {1e5, 1, "PostgreSQL (SQLite without spare)"}, {5e6, 0, "PostgreSQL"}, {1e12, 0, "none in one cell"},
	} {
		a := Defaults()
		a.Sessions, a.Spare = tt.sessions, tt.spare
		if got := New(a, Measured()).Engine; got != tt.want {
			t.Errorf("engine for %v sessions and %v spare nodes = %q, want %q", tt.sessions, tt.spare, got, tt.want)
		}
	}
}

func TestNearestLimitComesFirst(t *testing.T) {
	a := Defaults()
	a.Sessions = 1e9
	p := New(a, Measured())
	if !slices.IsSortedFunc(p.Limits, func(a, b Limit) int { return int(math.Copysign(1, a.Headroom()-b.Headroom())) }) {
		t.Errorf("limits are not in the order of their headroom: %+v", p.Limits)
	}
	first := p.First()
	if first.Headroom() >= 1 || first.Setting {
		t.Errorf("the first limit of a thousand million sessions in one cell is %+v, want one that is exceeded", first)
	}
	a.NoReuse = true
	if without := New(a, Measured()); without.WAL >= p.WAL/2 || len(without.Limits) != len(p.Limits)-1 {
		t.Errorf("without reports of steps %.0f bytes/s are written ahead and there are %d limits, want less than half of %.0f and %d",
			without.WAL, len(without.Limits), p.WAL, len(p.Limits)-1)
	}
}

func TestCostsThatAreMissingAreRefused(t *testing.T) {
	if _, err := ParseCosts([]byte(`{"verify_us": 60}`)); err == nil || !strings.Contains(err.Error(), "refresh") {
		t.Errorf("ParseCosts of one cost = %v, want an error that names the next", err)
	}
	if _, err := ParseCosts([]byte(`[]`)); err == nil {
		t.Error("ParseCosts of a list = nil error")
	}
	c := Measured()
	c.WAL.Step = 0
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "postgres_wal_bytes.step") {
		t.Errorf("Check without a cost = %v, want an error that names it", err)
	}
}

func TestAssumptionsOutOfRangeAreRefused(t *testing.T) {
	if err := Defaults().Check(); err != nil {
		t.Errorf("Check of the defaults = %v", err)
	}
	for _, change := range []func(*Assumptions){
		func(a *Assumptions) { a.Sessions = 0 }, func(a *Assumptions) { a.InUse = 1 }, func(a *Assumptions) { a.Burst = 0.5 },
		func(a *Assumptions) { a.Utilisation = math.NaN() }, func(a *Assumptions) { a.CoresPerNode = 0 }, func(a *Assumptions) { a.Cells = 0 },
	} {
		a := Defaults()
		change(&a)
		if a.Check() == nil {
			t.Errorf("Check(%+v) = nil", a)
		}
	}
}

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.0123: "0.012", 3.14: "3.1", 42.4: "42", 999: "999", 12345: "12 300", 1e9: "1 000 000 000"} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %q, want %q", x, got, want)
		}
	}
	if got := size(3 * 1024 * 1024); got != "3 MiB" {
		t.Errorf("size(3 MiB) = %q", got)
	}
}

package capacity

import (
	"math"
	"slices"
)

// Demand is what the people of one cell ask for. Rates are a second, and the mean of an hour.
type Demand struct {
	People       float64 `json:"people"`
	LoginsPerDay float64 `json:"logins_per_day"`
	// PerUse is the refreshes a second of a session in use, with those that are sent again.
	PerUse float64 `json:"refreshes_per_session_in_use"`

	Alive      [24]float64 `json:"alive"` // sessions
	Refreshes  [24]float64 `json:"refreshes"`
	Logins     [24]float64 `json:"logins"`
	Passwords  [24]float64 `json:"passwords"`       // compared, right and wrong
	Refused    float64     `json:"passwords_wrong"` // mean of the day
	Notices    float64     `json:"notices"`         // mean of the day
	NoticesNow float64     `json:"notices_alive"`
}

// keepRevoked and keepChanges are for how many days a notice is kept that is about one session or browser, or about a person
// or role.
const (
	keepRevoked = 2
	keepChanges = 91
)

// Demand returns the demand of one of a.Cells.
func (a Assumptions) Demand() Demand {
	const secondsOfDay, secondsOfHour = 86400, 3600
	d := a.shape()
	alive := d.alive()
	sessions := a.Sessions / a.Cells
	m := Demand{LoginsPerDay: sessions / slices.Max(alive[:]), PerUse: a.perUse()}
	m.People = m.LoginsPerDay / a.LoginsPerDay
	typed := min(m.People, m.LoginsPerDay) / m.LoginsPerDay * (1 + a.Mistyped)
	for h := range 24 {
		m.Alive[h] = m.LoginsPerDay * alive[h]
		m.Logins[h] = m.LoginsPerDay * d.logins[h] / secondsOfHour
		m.Passwords[h] = m.Logins[h] * typed
		m.Refreshes[h] = m.Alive[h] * a.InUse * d.use[h] * m.PerUse
	}
	m.Refused = m.LoginsPerDay * typed * a.Mistyped / (1 + a.Mistyped) / secondsOfDay
	m.Notices = m.People * (a.Revoked + a.Changes) / secondsOfDay
	m.NoticesNow = m.People * (a.Revoked*keepRevoked + a.Changes*keepChanges)
	return m
}

// perUse returns how often a session in use refreshes, a second.
//
// A program that begins to use a session refreshes at once, because the credentials of its last use are old. These can be
// refreshed again 600 s after the start of the step that they belong to, which was up to 300 s before; the first call
// after that refreshes, so the next time lies 600 s, or some steps more, after it. All waits are exponential, and so is
// the use at a stretch U: it outlasts a wait w with the mean of exp(−w/U).
func (a Assumptions) perUse() float64 {
	use := a.UseMinutes * 60
	survive := func(wait float64) float64 { return math.Exp(-wait / use) }
	call := 1 / (1 + a.CallSeconds/use)
	first := survive(refreshable) * use / stepLength * (1/survive(stepLength) - 1) * call
	quick := math.Exp(-stepLength / a.CallSeconds) // no call came for a whole step
	next := survive(refreshable) * (1 - quick) / (1 - quick*survive(stepLength))
	refreshes := 1 + first/(1-next)
	return refreshes / use * a.Programs * a.attempts()
}

// attempts returns how many requests an answer takes, when a client makes three attempts.
func (a Assumptions) attempts() float64 { return 1 + a.Failures + a.Failures*a.Failures }

package capacity

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
)

// Simulated is what the clients of a simulated day did. Rates are a second, and scaled up to all the people of a plan.
type Simulated struct {
	Seed      uint64      `json:"seed"`
	Clients   int         `json:"clients"` // sessions that were simulated, of 36 hours
	Alive     [24]float64 `json:"alive"`   // sessions, the mean of each hour
	InUse     [24]float64 `json:"in_use"`  // sessions, the mean of each hour
	Refreshes [24]float64 `json:"refreshes"`
	Logins    [24]float64 `json:"logins"`
	// Minute is the refreshes a second of the busiest minute.
	Minute float64 `json:"busiest_minute"`
}

// The hours that are simulated: a day, and before it as long as a session lives.
const (
	warm     = sessionLife
	aDay     = 86400
	anHour   = 3600
	aMinute  = 60
	attempts = 3
)

// Simulate lets population people, about, live through one day, event by event: they sign in, begin and cease to work,
// their programs call AWS, refresh when five minutes or less are left, and send again what failed. The same seed gives
// the same day.
func Simulate(a Assumptions, population int, seed uint64) Simulated {
	d := a.Demand()
	w := &world{
		a: a, day: a.shape(), random: rand.New(rand.NewPCG(seed, 0)),
		weight: d.LoginsPerDay / float64(population),
	}
	for h := -warm / anHour; h < 24; h++ {
		for range w.around(float64(population) * w.day.logins[(h+24)%24]) {
			w.at(float64(h*anHour)+w.random.Float64()*anHour, w.login)
		}
	}
	for len(w.queue) > 0 && w.queue[0].at < aDay {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
	}
	return w.counted(seed)
}

// world is a simulation under way. Times are seconds of the day; those before it are negative.
type world struct {
	a      Assumptions
	day    day
	random *rand.Rand
	weight float64 // people for each that is simulated
	now    float64
	queue  events

	clients           int
	alive, inUse      [24]float64 // seconds
	refreshes, logins [24]float64
	refreshesOf       [aDay / aMinute]float64
}

// client is a session with the programs that use it.
type client struct {
	start, end float64
	until      float64 // of the use at a stretch
	due        float64 // when the credentials can be refreshed
}

// login begins a session. Its credentials are fresh.
func (w *world) login() {
	w.clients++
	if w.now >= 0 {
		w.logins[hour(w.now)]++
	}
	c := &client{start: w.now, end: w.now + sessionLife, due: w.now + refreshable}
	w.spend(&w.alive, w.now, c.end)
	if w.random.Float64() < w.share() {
		w.begin(c)
		return
	}
	w.rest(c)
}

// share returns the share of the living sessions that are in use at this hour.
func (w *world) share() float64 { return w.a.InUse * w.day.use[hour(w.now)] }

// begin begins a use at a stretch, with a call.
func (w *world) begin(c *client) {
	c.until = min(c.end, w.now+w.random.ExpFloat64()*w.a.UseMinutes*aMinute)
	w.spend(&w.inUse, w.now, c.until)
	w.at(c.until, func() { w.rest(c) })
	if c.due <= w.now {
		w.refresh(c, 1)
		return
	}
	w.wait(c)
}

// wait lets the next call that can refresh come. Calls come at random, so those before change nothing.
func (w *world) wait(c *client) {
	if next := max(c.due, w.now) + w.random.ExpFloat64()*w.a.CallSeconds; next < c.until {
		w.at(next, func() { w.refresh(c, 1) })
	}
}

// refresh is an attempt, sent by each program of the session.
func (w *world) refresh(c *client, attempt int) {
	if w.now >= 0 {
		w.refreshes[hour(w.now)] += w.a.Programs
		w.refreshesOf[int(w.now)/aMinute] += w.a.Programs
	}
	if w.random.Float64() >= w.a.Failures {
		c.due = c.start + math.Floor((w.now-c.start)/stepLength)*stepLength + refreshable
		w.wait(c)
		return
	}
	if attempt == attempts {
		w.wait(c)
		return
	}
	w.at(w.now+w.random.ExpFloat64()*float64(attempt), func() { w.refresh(c, attempt+1) })
}

// rest waits for the next use, which is the likelier the more sessions are in use at that hour.
func (w *world) rest(c *client) {
	if w.now >= c.end {
		return
	}
	share := w.share()
	next := w.now + w.random.ExpFloat64()*w.a.UseMinutes*aMinute*(1-share)/share
	if turn := math.Floor(w.now/anHour)*anHour + anHour; next > turn { // another hour, another share
		w.at(turn, func() { w.rest(c) })
		return
	}
	if next < c.end {
		w.at(next, func() { w.begin(c) })
	}
}

// spend counts the seconds of the day from one time to another, by hour.
func (w *world) spend(into *[24]float64, from, to float64) {
	for h := range into {
		begins := float64(h * anHour)
		into[h] += max(0, min(to, begins+anHour)-max(from, begins))
	}
}

// around returns a whole number whose mean is x.
func (w *world) around(x float64) int {
	n := math.Floor(x)
	if w.random.Float64() < x-n {
		n++
	}
	return int(n)
}

func (w *world) counted(seed uint64) Simulated {
	s := Simulated{Seed: seed, Clients: w.clients, Minute: slices.Max(w.refreshesOf[:]) / aMinute * w.weight}
	for h := range 24 {
		s.Alive[h], s.InUse[h] = w.alive[h]/anHour*w.weight, w.inUse[h]/anHour*w.weight
		s.Refreshes[h], s.Logins[h] = w.refreshes[h]/anHour*w.weight, w.logins[h]/anHour*w.weight
	}
	return s
}

// hour returns the hour of the day.
func hour(at float64) int { return (int(math.Floor(at/anHour)) + 24) % 24 }

// event is something that happens at a time.
type event struct {
	at float64
	do func()
}

func (w *world) at(at float64, do func()) { heap.Push(&w.queue, event{at, do}) }

// events is a heap with the earliest in front.
type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }

// Push is for package heap.
func (e *events) Push(x any) { *e = append(*e, x.(event)) }

// Pop is for package heap.
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

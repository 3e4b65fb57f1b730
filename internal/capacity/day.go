package capacity

// What the service does by default, in seconds.
const (
	sessionLife = 12 * 3600
	stepLength  = 300
	// refreshable is from the start of a step to when its credentials have five minutes left, which is when clients
	// refresh: 900 s less 300.
	refreshable = 600
)

// day is how people keep the hours of a day.
type day struct {
	logins [24]float64 // share of a day's logins in each hour; the sum is 1
	use    [24]float64 // sessions in use in each hour, over those of the busiest
}

// office is one time zone: people sign in when they begin to work, and few do so at night.
var office = day{
	logins: [24]float64{2, 1, 1, 1, 2, 5, 20, 80, 200, 220, 120, 70, 50, 70, 60, 40, 25, 15, 8, 5, 3, 2, 1, 1},
	use: [24]float64{
		0.05, 0.05, 0.05, 0.05, 0.05, 0.1, 0.2, 0.4, 0.7, 0.9, 1, 1, 0.75, 0.85, 1, 1, 0.9, 0.7, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05,
	},
}

// shape returns the day that a assumes.
func (a Assumptions) shape() day {
	d := office
	if a.Flat {
		for h := range 24 {
			d.logins[h], d.use[h] = 1, 1
		}
	}
	sum := 0.0
	for _, n := range d.logins {
		sum += n
	}
	for h := range d.logins {
		d.logins[h] /= sum
	}
	return d
}

// alive returns how many sessions live in the middle of each hour, over the logins of a day.
func (d day) alive() (shares [24]float64) {
	const hours = sessionLife / 3600
	for h := range shares {
		shares[h] = d.logins[h]/2 + d.logins[(h+24-hours)%24]/2
		for back := 1; back < hours; back++ {
			shares[h] += d.logins[(h+24-back)%24]
		}
	}
	return shares
}

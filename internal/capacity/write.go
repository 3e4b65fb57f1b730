package capacity

import (
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
)

// Write writes plans side by side as a table for people. They must differ in their number of sessions alone, or in what
// heads says of each.
func Write(w io.Writer, heads []string, plans []Plan) error {
	var rows [][]string
	rows = append(rows, append([]string{"", ""}, heads...))
	for i, r := range table(plans[0]) {
		row := []string{r.group, r.what}
		for _, p := range plans {
			row = append(row, table(p)[i].value)
		}
		rows = append(rows, row)
	}
	if err := aligned(w, rows, true); err != nil {
		return err
	}
	for i, p := range plans {
		fmt.Fprintf(w, "\n%s: what is met first\n", heads[i])
		lines := [][]string{{"limit", "needed", "there is", "headroom", "what moves it"}}
		for _, l := range p.Limits {
			lines = append(lines, []string{l.What, number(l.Need), strings.TrimSpace(number(l.Has) + " " + l.Unit), l.headroom(), l.Mend})
		}
		if err := aligned(w, lines, false); err != nil {
			return err
		}
	}
	return nil
}

// Head returns the head of the column of a.
func Head(a Assumptions) string {
	head := number(a.Sessions) + " sessions"
	if a.Cells > 1 {
		head += ", one of " + number(a.Cells) + " cells"
	}
	return head
}

func (l Limit) headroom() string {
	word := ""
	if l.Headroom() < 1 {
		word = "OVER "
	}
	if l.Headroom() < 10 {
		return fmt.Sprintf("%s%.2f ×", word, l.Headroom())
	}
	return number(l.Headroom()) + " ×"
}

// WriteAssumptions writes everything that a plan rests on, with the flag that changes it.
func WriteAssumptions(w io.Writer, a Assumptions, c Costs) error {
	fmt.Fprintf(w, "Costs measured on %s: %s\n\n", c.Date, c.Machine)
	var rows [][]string
	var add func(path string, v reflect.Value)
	add = func(path string, v reflect.Value) {
		for i := range v.NumField() {
			name := path + v.Type().Field(i).Tag.Get("json")
			switch f := v.Field(i); f.Kind() {
			case reflect.Struct:
				add(name+".", f)
			case reflect.Float64:
				rows = append(rows, []string{name, fmt.Sprintf("%.3g", f.Float())})
			}
		}
	}
	add("", reflect.ValueOf(c))
	if err := aligned(w, rows, false); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nAssumed")
	rows = nil
	v := reflect.ValueOf(a)
	for i := range v.NumField() {
		field := v.Type().Field(i)
		value := fmt.Sprint(v.Field(i).Interface())
		if v.Field(i).Kind() == reflect.Float64 {
			value = strings.TrimSuffix(fmt.Sprintf("%.2f", v.Field(i).Float()), ".00")
		}
		flag := strings.ReplaceAll(field.Tag.Get("json"), "_", "-")
		rows = append(rows, []string{"--" + flag, value, field.Tag.Get("help")})
	}
	return aligned(w, rows, false)
}

// WriteSimulated writes the simulated day beside the calculated one.
func WriteSimulated(w io.Writer, d Demand, s Simulated) error {
	fmt.Fprintf(w, "One simulated day, seed %d, %s sessions of clients, scaled up\n", s.Seed, number(float64(s.Clients)))
	rows := [][]string{{"busiest hour", "calculated", "simulated", "difference"}}
	for _, r := range []struct {
		what string
		calc [24]float64
		sim  [24]float64
	}{{"sessions alive", d.Alive, s.Alive}, {"refreshes/s", d.Refreshes, s.Refreshes}, {"logins/s", d.Logins, s.Logins}} {
		calc, sim := slices.Max(r.calc[:]), slices.Max(r.sim[:])
		rows = append(rows, []string{r.what, number(calc), number(sim), fmt.Sprintf("%+.1f %%", (sim/calc-1)*100)})
	}
	rows = append(rows, []string{"refreshes/s of the busiest minute", "", number(s.Minute), ""})
	return aligned(w, rows, false)
}

// aligned writes rows in columns; numbers, from the third column on, to the right.
func aligned(w io.Writer, rows [][]string, right bool) error {
	if !right {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, r := range rows {
			fmt.Fprintln(t, strings.TrimRight(strings.Join(r, "\t"), "\t"))
		}
		return t.Flush()
	}
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, cell := range r {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i < 2 {
				b.WriteString(cell + pad + "  ")
			} else {
				b.WriteString(pad + cell + "  ")
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// number writes x with two or three digits that matter, and groups of three.
func number(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 10:
		return fmt.Sprintf("%.2g", x)
	case x >= 1000:
		unit := math.Pow(10, math.Floor(math.Log10(x))-2)
		x = math.Round(x/unit) * unit
	}
	digits := fmt.Sprintf("%.0f", x)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// size writes bytes in the unit that fits.
func size(b float64) string {
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if b < 1024 {
			return number(b) + " " + unit
		}
		b /= 1024
	}
	return number(b) + " TiB"
}

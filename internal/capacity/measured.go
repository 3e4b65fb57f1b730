package capacity

import (
	_ "embed" // measured.json
	"encoding/json"
	"fmt"
)

// measured is what `latchkey-bench capacity --measure` printed on the machine that it names.
//
//go:embed measured.json
var measured []byte

// Measured returns the costs that are assumed where no others are given.
func Measured() Costs {
	c, err := ParseCosts(measured)
	if err != nil {
		panic(err) // the file is part of the program
	}
	return c
}

// ParseCosts reads costs from JSON, as `latchkey-bench capacity --measure` prints them.
func ParseCosts(text []byte) (Costs, error) {
	var c Costs
	if err := json.Unmarshal(text, &c); err != nil {
		return Costs{}, fmt.Errorf("read costs: %w", err)
	}
	return c, c.Check()
}

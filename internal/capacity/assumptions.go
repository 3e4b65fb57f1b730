package capacity

import (
	"fmt"
	"reflect"
	"strconv"
)

// Assumptions are what a calculation rests on beside the costs. The tags are the flags of the command, and what it prints.
type Assumptions struct {
	Sessions     float64 `json:"sessions" default:"1000000" help:"Sessions that live at the busiest moment. A session lives for 12 h."`
	InUse        float64 `json:"in_use" default:"0.3" help:"Share of the living sessions whose programs call AWS in the busiest hour."`
	LoginsPerDay float64 `json:"logins_per_day" default:"1" help:"Logins of a person a day. The first one asks for the password; the browser stays signed in."`
	Flat         bool    `json:"flat" default:"false" help:"People live all around the world, so all hours are alike. Else they keep the office hours of one time zone."`
	Burst        float64 `json:"burst" default:"1.5" help:"Requests of the busiest second over the mean of its hour."`
	UseMinutes   float64 `json:"use_minutes" default:"60" help:"Minutes that a session is in use at a stretch."`
	CallSeconds  float64 `json:"call_seconds" default:"60" help:"Seconds between two calls of a session in use. The first call with 5 minutes or less left refreshes."`
	Programs     float64 `json:"programs" default:"1" help:"Programs that each refresh a session in use."`
	Failures     float64 `json:"failures" default:"0.01" help:"Share of attempts that fail on their way; clients make three."`
	Mistyped     float64 `json:"mistyped" default:"0.05" help:"Wrong passwords for each right one. Each is an audit event, and as dear as a right one."`
	Revoked      float64 `json:"revoked" default:"0.02" help:"Sessions of a person that are revoked, and browsers that are signed out, a day. Their notices are kept for two days at most."`
	Changes      float64 `json:"changes" default:"0.002" help:"Changes of a person a day that end sessions: passwords, roles, disabling. Their notices are kept for 91 days."`

	Handshakes   float64 `json:"handshakes" default:"1" help:"New TLS connections at the node for each request; 0 where a proxy ends TLS and keeps connections."`
	HoldSeconds  float64 `json:"hold_seconds" default:"10" help:"Seconds that a client keeps its connection. The server closes idle ones after 2 minutes."`
	ES256        bool    `json:"es256" name:"es256" default:"false" help:"Id tokens are signed with ES256 and not ES384."`
	NoReuse      bool    `json:"no_reuse" default:"false" help:"reuse.detect is off, so no steps are reported."`
	AuditDays    float64 `json:"audit_days" default:"400" help:"Days that audit events are kept."`
	CoresPerNode float64 `json:"cores_per_node" default:"8" help:"Cores of a node."`
	NodeMemory   float64 `json:"node_memory" default:"32" help:"GiB of memory of a node."`
	Utilisation  float64 `json:"utilisation" default:"0.5" help:"Share of the cores that may be busy in the busiest second."`
	Spare        float64 `json:"spare" default:"1" help:"Nodes that may be lost without going beyond that."`
	Slack        float64 `json:"slack" default:"2" help:"What a database takes on disk over the rows in it: dead rows, half-full pages."`

	DatabaseCores       float64 `json:"database_cores" default:"32" help:"Cores of the largest database server that can be had."`
	DatabaseWAL         float64 `json:"database_wal" default:"100" help:"MiB a second that it and its standbys can write ahead for hours."`
	DatabaseConnections float64 `json:"database_connections" default:"2000" help:"Connections that it can take."`

	Cells float64 `json:"cells" default:"1" help:"Independent installations that share the people. What is printed is one of them."`
}

// Defaults returns what is assumed where nothing else is said.
func Defaults() Assumptions {
	var a Assumptions
	v := reflect.ValueOf(&a).Elem()
	for i := range v.NumField() {
		text := v.Type().Field(i).Tag.Get("default")
		switch f := v.Field(i); f.Kind() {
		case reflect.Bool:
			f.SetBool(text == "true")
		default:
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				panic(err) // a mistake in the tags above
			}
			f.SetFloat(n)
		}
	}
	return a
}

// Check returns an error that says which number makes no sense.
func (a Assumptions) Check() error {
	for _, n := range []struct {
		name      string
		value     float64
		low, high float64
	}{
		{"sessions", a.Sessions, 1, 1e12}, {"in-use", a.InUse, 0.001, 0.95}, {"logins-per-day", a.LoginsPerDay, 0.01, 1000},
		{"burst", a.Burst, 1, 100}, {"use-minutes", a.UseMinutes, 1, 720}, {"call-seconds", a.CallSeconds, 0.1, 3600},
		{"programs", a.Programs, 1, 1000}, {"failures", a.Failures, 0, 0.9}, {"mistyped", a.Mistyped, 0, 10}, {"revoked", a.Revoked, 0, 100}, {"changes", a.Changes, 0, 100},
		{"handshakes", a.Handshakes, 0, 1}, {"hold-seconds", a.HoldSeconds, 0, 120}, {"audit-days", a.AuditDays, 0.04, 10_000},
		{"cores-per-node", a.CoresPerNode, 1, 1024}, {"node-memory", a.NodeMemory, 0.25, 65536}, {"utilisation", a.Utilisation, 0.01, 1},
		{"spare", a.Spare, 0, 1000}, {"slack", a.Slack, 1, 100}, {"database-cores", a.DatabaseCores, 1, 1024},
		{"database-wal", a.DatabaseWAL, 1, 1e6}, {"database-connections", a.DatabaseConnections, 1, 1e6}, {"cells", a.Cells, 1, 1e6},
	} {
		if !(n.value >= n.low && n.value <= n.high) { // also false for NaN
			return fmt.Errorf("--%s is %v, and must be from %v to %v", n.name, n.value, n.low, n.high)
		}
	}
	return nil
}

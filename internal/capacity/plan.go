package capacity

import (
	"math"
	"slices"
)

const (
	mib = 1 << 20
	gib = 1 << 30

	// baseMemory is what a node takes that does little, connectionMemory what an open connection can take with TLS, and
	// hashMemory what a core takes that compares a password.
	baseMemory       = 40 * mib
	connectionMemory = 30 << 10
	hashMemory       = 19 * mib
	// reserve is what the garbage collector of Go lets the heap grow by before it collects.
	reserve = 2
	// proofSeconds is for how long an answered proof is remembered, reportSeconds how often steps are reported.
	proofSeconds  = 385
	reportSeconds = 10
	// pages is how many requests a browser sends for a login, on one connection; each costs less than a refresh.
	pages = 4
	// pollsPerSecond is how often a node asks for notices when none are given.
	pollsPerSecond = 2
	// connectionsPerNode is what a node opens to the database at most: a pool of 16, two writers, and one that listens.
	connectionsPerNode = 19
)

// Plan is what one cell needs. Rates are those of the busiest second.
type Plan struct {
	Assumptions Assumptions `json:"assumptions"`
	Demand      Demand      `json:"demand"`

	Refreshes float64 `json:"refreshes_per_second"`
	Logins    float64 `json:"logins_per_second"`
	Passwords float64 `json:"passwords_per_second"`
	Hour      int     `json:"busiest_hour"` // of the CPU of the nodes

	// Cores of all nodes together that are busy, by what for, in the busiest hour of all; TLS is counted apart.
	RefreshCores  float64 `json:"refresh_cores"`
	LoginCores    float64 `json:"login_cores"`
	PasswordCores float64 `json:"password_cores"`
	TLSCores      float64 `json:"tls_cores"`
	StoreCores    float64 `json:"report_cores"`
	NodeCores     float64 `json:"node_cores"` // the sum

	Nodes      float64 `json:"nodes"` // with the spare ones
	NodeMemory float64 `json:"node_memory_bytes"`
	ProofBytes float64 `json:"proof_bytes"`
	BoardBytes float64 `json:"notice_bytes"`
	OpenBytes  float64 `json:"connection_bytes"`
	Open       float64 `json:"connections_per_node"`

	Inserts float64 `json:"inserts_per_second"`
	Steps   float64 `json:"steps_per_second"`
	Audits  float64 `json:"audits_per_second"`
	Sweeps  float64 `json:"sweeps_per_second"`
	Polls   float64 `json:"polls_per_second"`

	WriterCores   float64 `json:"sqlite_writer_cores"`
	DatabaseCores float64 `json:"database_cores"`
	WAL           float64 `json:"wal_bytes_per_second"`
	SQLiteDisk    float64 `json:"sqlite_disk_bytes"`
	PostgresDisk  float64 `json:"postgres_disk_bytes"`
	AuditGrowth   float64 `json:"audit_bytes_per_day"`

	Engine string  `json:"engine"`
	Limits []Limit `json:"limits"` // the nearest first
}

// New returns the plan for a at costs c. Both must have passed their Check.
func New(a Assumptions, c Costs) Plan {
	d := a.Demand()
	p := Plan{Assumptions: a, Demand: d}
	peak := func(perHour [24]float64) float64 { return slices.Max(perHour[:]) * a.Burst }
	p.Refreshes, p.Logins, p.Passwords = peak(d.Refreshes), peak(d.Logins), peak(d.Passwords)
	p.Inserts, p.Sweeps = p.Logins, p.Logins
	p.Audits = d.Refused * p.Logins / (d.LoginsPerDay / 86400)
	if !a.NoReuse {
		p.Steps = p.Refreshes // a session refreshes far less often than once in ten seconds
	}
	p.nodeCPU(c)
	p.Nodes = max(1, math.Ceil(p.NodeCores/a.Utilisation/a.CoresPerNode)) + a.Spare
	p.memory(c)
	p.database(c)
	p.Limits = p.limits(c)
	p.Engine = p.engine()
	return p
}

// working is how many nodes do the work while as many are lost as may be.
func (p *Plan) working() float64 { return p.Nodes - p.Assumptions.Spare }

// nodeCPU fills in the CPU of the nodes in the hour where it is the most.
func (p *Plan) nodeCPU(c Costs) {
	a, d := p.Assumptions, p.Demand
	redeem := c.Redeem384
	if a.ES256 {
		redeem = c.Redeem256
	}
	core := c.VerifyMicros / 1e6 * a.Burst
	for h := range 24 {
		refresh := d.Refreshes[h] * c.Refresh * core
		login := d.Logins[h] * (redeem - c.SQLite.Insert + c.Driver.Insert + pages*c.Refresh) * core
		password := d.Passwords[h] * c.Password * core
		tls := (d.Refreshes[h] + 2*d.Logins[h]) * a.Handshakes * c.Handshake * core
		report := 0.0
		if !a.NoReuse {
			report = d.Refreshes[h] * c.Driver.Step * core
		}
		if sum := refresh + login + password + tls + report; sum > p.NodeCores {
			p.Hour, p.NodeCores = h, sum
			p.RefreshCores, p.LoginCores, p.PasswordCores, p.TLSCores, p.StoreCores = refresh, login, password, tls, report
		}
	}
}

// memory fills in the memory of a node when as many are lost as may be.
func (p *Plan) memory(c Costs) {
	a, n := p.Assumptions, p.working()
	p.ProofBytes = (p.Refreshes + p.Logins) / n * proofSeconds * c.ProofBytes * reserve
	p.BoardBytes = p.Demand.NoticesNow * c.NoticeBytes * reserve
	p.Open = (p.Refreshes + 2*p.Logins) / n * a.HoldSeconds
	p.OpenBytes = p.Open * connectionMemory
	reports := p.Steps / n * reportSeconds * c.ReportBytes * reserve
	p.NodeMemory = baseMemory + p.ProofBytes + p.BoardBytes + p.OpenBytes + reports + a.CoresPerNode*hashMemory
}

// database fills in what the store does.
func (p *Plan) database(c Costs) {
	a, d := p.Assumptions, p.Demand
	p.Polls = p.Nodes * (pollsPerSecond + d.Notices*a.Burst)
	cores := func(s StoreCosts, polls float64) float64 {
		return c.VerifyMicros / 1e6 * (p.Inserts*s.Insert + p.Steps*s.Step + p.Audits*s.Audit + p.Sweeps*s.Sweep + polls*s.Poll)
	}
	p.WriterCores = cores(c.SQLite, 0)
	p.DatabaseCores = cores(c.Postgres, p.Polls)
	p.WAL = p.Inserts*c.WAL.Session + p.Steps*c.WAL.Step + p.Audits*c.WAL.Audit + p.Sweeps*c.WAL.Sweep
	disk := func(b RowBytes) float64 {
		sessions := a.Sessions / a.Cells
		rows := sessions * b.Session
		if !a.NoReuse {
			rows += sessions * b.Step
		}
		return a.Slack * (rows + d.Refused*86400*a.AuditDays*b.Audit + d.NoticesNow*b.Notice)
	}
	p.SQLiteDisk, p.PostgresDisk = disk(c.SQLiteBytes), disk(c.PostgresBytes)
	p.AuditGrowth = d.Refused * 86400 * c.PostgresBytes.Audit
}

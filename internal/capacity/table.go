package capacity

// line is a line of the table of a plan.
type line struct{ group, what, value string }

// table returns the lines of p, the same ones for every plan.
func table(p Plan) []line {
	d, rate := p.Demand, func(x float64) string { return number(x) + "/s" }
	return []line{
		{"people", "people", number(d.People)},
		{"", "logins a day", number(d.LoginsPerDay)},
		{"busiest second", "refreshes", rate(p.Refreshes)},
		{"", "logins", rate(p.Logins)},
		{"", "passwords compared", rate(p.Passwords)},
		{"", "notices given (mean)", rate(d.Notices)},
		{"busy cores", "at the hour", number(float64(p.Hour))},
		{"", "refreshes", number(p.RefreshCores)},
		{"", "TLS handshakes", number(p.TLSCores)},
		{"", "logins without passwords", number(p.LoginCores)},
		{"", "passwords (argon2id)", number(p.PasswordCores)},
		{"", "reports of steps", number(p.StoreCores)},
		{"", "all", number(p.NodeCores)},
		{"nodes", "store", p.Engine},
		{"", "nodes, with spare", number(p.Nodes)},
		{"", "nodes of all cells", number(p.Nodes * p.Assumptions.Cells)},
		{"", "memory of each", size(p.NodeMemory)},
		{"", "  of it notices", size(p.BoardBytes)},
		{"", "  of it proofs", size(p.ProofBytes)},
		{"", "  of it open connections", size(p.OpenBytes)},
		{"database", "sessions inserted", rate(p.Inserts)},
		{"", "steps reported", rate(p.Steps)},
		{"", "audit events", rate(p.Audits)},
		{"", "sessions swept", rate(p.Sweeps)},
		{"", "polls for notices", rate(p.Polls)},
		{"", "PostgreSQL, busy cores", number(p.DatabaseCores)},
		{"", "PostgreSQL, write-ahead log", size(p.WAL) + "/s"},
		{"", "PostgreSQL, disk", size(p.PostgresDisk)},
		{"", "PostgreSQL, audit trail a day", size(p.AuditGrowth)},
		{"", "SQLite, writer, busy cores", number(p.WriterCores)},
		{"", "SQLite, disk", size(p.SQLiteDisk)},
	}
}

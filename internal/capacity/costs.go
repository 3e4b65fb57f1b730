package capacity

import (
	"fmt"
	"reflect"
)

// Costs is what one operation costs. CPU is in verifications: the CPU time of one ES256 verification on a core of the same
// machine, which is the one operation that no refresh can do without. So the numbers hold, about, on other machines, where
// VerifyMicros differs.
type Costs struct {
	Date    string `json:"date"`
	Machine string `json:"machine"`

	VerifyMicros float64 `json:"verify_us"` // µs of CPU of one ES256 verification

	// Of a node, in verifications.
	Refresh   float64 `json:"refresh"`      // the whole request on a connection that is open, without TLS
	Redeem384 float64 `json:"redeem_es384"` // the same, with the insert into SQLite
	Redeem256 float64 `json:"redeem_es256"`
	Handshake float64 `json:"handshake"` // a new TLS 1.3 connection, accepted and closed
	Password  float64 `json:"password"`  // one comparison with argon2id

	// Of the stores, in verifications. That of SQLite is the node's; that of PostgreSQL is the node's and the server's.
	SQLite   StoreCosts `json:"sqlite"`
	Driver   StoreCosts `json:"postgres_driver"` // of the node
	Postgres StoreCosts `json:"postgres"`        // of the database server

	// What is on disk, in bytes for each row, with its indexes.
	SQLiteBytes   RowBytes `json:"sqlite_bytes"`
	PostgresBytes RowBytes `json:"postgres_bytes"`
	// WAL is what the database server writes ahead for each row, also to standbys, in bytes.
	WAL WALBytes `json:"postgres_wal_bytes"`

	// What is in the memory of a node, in bytes, before the garbage collector's reserve.
	ProofBytes  float64 `json:"proof_bytes"`  // an answered proof
	NoticeBytes float64 `json:"notice_bytes"` // a notice
	ReportBytes float64 `json:"report_bytes"` // a session that waits for the next report of steps

	// AnnouncePerSecond is how many notices a second PostgreSQL commits: each holds the counter until its commit.
	AnnouncePerSecond float64 `json:"announce_per_second"`
}

// StoreCosts is the CPU of one row each, in verifications, when rows come in the groups that a busy node makes; sessions
// are inserted into PostgreSQL one at a time.
type StoreCosts struct {
	Insert float64 `json:"insert"` // of a session
	Step   float64 `json:"step"`   // of a report about a session that reported before
	Audit  float64 `json:"audit"`  // of an event
	Sweep  float64 `json:"sweep"`  // of a session that ended
	Poll   float64 `json:"poll"`   // of one question for new notices, of which there are none
}

// RowBytes is the size of one row each.
type RowBytes struct {
	Session float64 `json:"session"`
	Step    float64 `json:"step"`
	Audit   float64 `json:"audit"`
	Notice  float64 `json:"notice"`
}

// WALBytes is what one row each writes ahead.
type WALBytes struct {
	Session float64 `json:"session"`
	Step    float64 `json:"step"` // of a report about a session that reported before
	Audit   float64 `json:"audit"`
	Sweep   float64 `json:"sweep"`
}

// Check returns an error that names a cost which is missing or is not above 0.
func (c Costs) Check() error { return positive("", reflect.ValueOf(c)) }

// positive looks at every number of a struct, and of those in it.
func positive(path string, v reflect.Value) error {
	for i := range v.NumField() {
		name := path + v.Type().Field(i).Tag.Get("json")
		switch f := v.Field(i); f.Kind() {
		case reflect.Struct:
			if err := positive(name+".", f); err != nil {
				return err
			}
		case reflect.Float64:
			if !(f.Float() > 0) || f.Float() > 1e12 {
				return fmt.Errorf("the cost %s is %v, and must be above 0", name, f.Float())
			}
		}
	}
	return nil
}

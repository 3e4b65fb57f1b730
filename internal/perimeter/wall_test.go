package perimeter

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-id/latchkey/internal/signin"
	"github.com/latchkey-id/latchkey/internal/store"
	"github.com/latchkey-id/latchkey/internal/store/sqlite"
)

var at = time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)

const (
	other     = "444455556666"
	developer = "arn:aws:iam::111122223333:role/Developer"
)

// away is a store that fails while err is set.
type away struct {
	store.Perimeter
	err   error
	asked int
}

func (a *away) EffectiveStatements(ctx context.Context) ([]store.PermissionStatement, error) {
	if a.asked++; a.err != nil {
		return nil, a.err
	}
	return a.Perimeter.EffectiveStatements(ctx)
}

func newStore(t testing.TB) *away {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), at, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	for _, id := range []string{account, other} {
		must(t, st.AddAccount(t.Context(), store.Account{ID: id, Name: id, Created: at}))
	}
	return &away{Perimeter: st}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put keeps documents as statements of the account, and switches it on.
func put(t testing.TB, st store.Perimeter, account string, documents ...string) {
	t.Helper()
	for i, d := range documents {
		id := fmt.Sprintf("%s-%d-%d", account, i, len(d))
		_, err := st.PutStatement(t.Context(), store.PermissionStatement{Account: account, ID: id, Statement: d, Created: at}, 100, at, at)
		must(t, err)
	}
	must(t, st.SetConsoleAuthorization(t.Context(), account, true, at, at))
}

func open(t testing.TB, st store.Perimeter) *Wall {
	t.Helper()
	w, err := Open(t.Context(), st, region, 10*time.Minute, at)
	must(t, err)
	return w
}

func ip(text string) netip.Addr { return netip.MustParseAddr(text) }

// Everything about where a request comes from, and every way of being right or wrong about it.
func TestWhoComesFromElsewhereIsKeptOut(t *testing.T) {
	vpc := Statement{SourceVPC: "vpc-0123abcd", RequestedRegion: region}
	inVPC := signin.Network{SourceIP: ip("10.0.0.7"), VPC: "vpc-0123abcd"}
	narrow := whole()
	inside := signin.Network{SourceIP: ip("10.0.0.7"), VPC: "vpc-0123abcd", VPCEndpoint: "vpce-0123abcd", VPCSourceIP: ip("172.16.0.9")}
	with := func(n signin.Network, change func(*signin.Network)) signin.Network {
		change(&n)
		return n
	}
	for _, tt := range []struct {
		name      string
		s         Statement
		from      signin.Network
		principal string
		want      bool // let in
	}{
		{"the address", Statement{SourceIP: "203.0.113.7"}, signin.Network{SourceIP: ip("203.0.113.7")}, developer, true},
		{"the next address", Statement{SourceIP: "203.0.113.7"}, signin.Network{SourceIP: ip("203.0.113.8")}, developer, false},
		{"the first of a range", Statement{SourceIP: "203.0.113.64/26"}, signin.Network{SourceIP: ip("203.0.113.64")}, developer, true},
		{"the last of a range", Statement{SourceIP: "203.0.113.64/26"}, signin.Network{SourceIP: ip("203.0.113.127")}, developer, true},
		{"one before a range", Statement{SourceIP: "203.0.113.64/26"}, signin.Network{SourceIP: ip("203.0.113.63")}, developer, false},
		{"one behind a range", Statement{SourceIP: "203.0.113.64/26"}, signin.Network{SourceIP: ip("203.0.113.128")}, developer, false},
		{"in a range with bits beyond its length", Statement{SourceIP: "203.0.113.7/24"}, signin.Network{SourceIP: ip("203.0.113.200")}, developer, true},
		{"IPv6", Statement{SourceIP: "2001:db8::/32"}, signin.Network{SourceIP: ip("2001:db8:ffff::1")}, developer, true},
		{"IPv6 elsewhere", Statement{SourceIP: "2001:db8::/32"}, signin.Network{SourceIP: ip("2001:db9::1")}, developer, false},
		{"IPv4 where IPv6 is named", Statement{SourceIP: "::/0"}, signin.Network{SourceIP: ip("203.0.113.7")}, developer, false},
		{"IPv6 where IPv4 is named", Statement{SourceIP: "0.0.0.0/0"}, signin.Network{SourceIP: ip("2001:db8::1")}, developer, false},
		{"no address that is known", Statement{SourceIP: "0.0.0.0/0"}, signin.Network{}, developer, false},

		{"the VPC", vpc, inVPC, developer, true},
		{"another VPC", vpc, signin.Network{SourceIP: ip("10.0.0.7"), VPC: "vpc-89abcdef"}, developer, false},
		{"no VPC that is known", vpc, signin.Network{SourceIP: ip("10.0.0.7")}, developer, false},
		{"an endpoint of no VPC that is known", vpc, signin.Network{SourceIP: ip("10.0.0.7"), VPCEndpoint: "vpce-0123abcd"}, developer, false},

		{"all that is asked for", narrow, inside, developer, true},
		{"the console's endpoint", narrow, with(inside, func(n *signin.Network) { n.VPCEndpoint = "vpce-89abcdef" }), developer, true},
		{"another VPC with the same addresses", narrow, with(inside, func(n *signin.Network) { n.VPC = "vpc-89abcdef" }), developer, false},
		{"another endpoint", narrow, with(inside, func(n *signin.Network) { n.VPCEndpoint = "vpce-00000000" }), developer, false},
		{"another address in the VPC", narrow, with(inside, func(n *signin.Network) { n.VPCSourceIP = ip("192.168.0.1") }), developer, false},
		{"an address in the VPC that is not known", narrow, with(inside, func(n *signin.Network) { n.VPCSourceIP = netip.Addr{} }), developer, false},
		{"the other way in", narrow, signin.Network{SourceIP: ip("203.0.113.7")}, developer, true},
		{"neither way", narrow, signin.Network{SourceIP: ip("198.51.100.7")}, developer, false},

		{"the excluded, from anywhere", narrow, signin.Network{SourceIP: ip("198.51.100.7")}, narrow.ExcludedPrincipal, true},
		{"the excluded, from nowhere", narrow, signin.Network{}, narrow.ExcludedPrincipal, true},
		{"one whose name begins like the excluded's", narrow, signin.Network{}, narrow.ExcludedPrincipal + "2", false},
		{"the excluded in other letters", narrow, signin.Network{}, strings.ToLower(narrow.ExcludedPrincipal), false},
		{"nobody that is known", narrow, signin.Network{}, "", false},
	} {
		st := newStore(t)
		put(t, st, account, tt.s.Document())
		w := open(t, st)
		for phase, words := range map[Phase][]string{
			Before: {"before authentication", "signin:Authenticate", account}, After: {"after authentication", "signin:CreateOAuth2Token", account},
		} {
			err := w.Check(phase, account, tt.principal, tt.from, at)
			if tt.want {
				must(t, err)
				continue
			}
			if signin.KindOf(err) != signin.PermissionMissing {
				t.Errorf("%s: Check in phase %d = %v, want PermissionMissing", tt.name, phase, err)
				continue
			}
			for _, word := range append(words, "resource permission statements", place(tt.from)) {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s: Check in phase %d = %q, want %q in it", tt.name, phase, err, word)
				}
			}
		}
		if err := w.Check(After, other, tt.principal, tt.from, at); err != nil {
			t.Errorf("%s: another account: %v", tt.name, err)
		}
	}
}

func TestEveryStatementCounts(t *testing.T) {
	st := newStore(t)
	put(t, st, account, Statement{SourceIP: "203.0.113.0/24"}.Document(), Statement{SourceIP: "203.0.0.0/16"}.Document())
	w := open(t, st)
	for from, want := range map[string]bool{"203.0.113.7": true, "203.0.7.7": false, "198.51.100.7": false} {
		if err := w.Check(After, account, developer, signin.Network{SourceIP: ip(from)}, at); (err == nil) != want {
			t.Errorf("from %s: %v, want let in %v", from, err, want)
		}
	}
}

func TestMessageSaysFromWhereAsItWasSeen(t *testing.T) {
	st := newStore(t)
	put(t, st, account, Statement{SourceIP: "203.0.113.0/24"}.Document())
	from := signin.Network{SourceIP: ip("2001:db8::7"), VPC: "vpc-89abcdef", VPCEndpoint: "vpce-89abcdef", VPCSourceIP: ip("10.0.0.7")}
	err := open(t, st).Check(After, account, developer, from, at)
	const want = "from 2001:db8::7, VPC vpc-89abcdef, VPC endpoint vpce-89abcdef, there as 10.0.0.7 ("
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Check = %v, want %q in it", err, want)
	}
}

// Statements wait for the switch, and are read when a notice says so, and when a minute has passed.
func TestStatementsAreLoadedWhenTheyChanged(t *testing.T) {
	st := newStore(t)
	w := open(t, st)
	from := signin.Network{SourceIP: ip("198.51.100.7")}
	let := func(when string, want bool) {
		t.Helper()
		if err := w.Check(After, account, developer, from, at); (err == nil) != want {
			t.Errorf("%s: %v, want let in %v", when, err, want)
		}
	}
	maintain := func(heard uint64, now time.Time) {
		t.Helper()
		must(t, w.Maintain(t.Context(), heard, now))
	}
	_, err := st.PutStatement(t.Context(), store.PermissionStatement{Account: account, ID: "s", Statement: Statement{SourceIP: "203.0.113.7"}.Document(), Created: at}, 100, at, at)
	must(t, err)
	maintain(1, at)
	let("before the switch", true)
	must(t, st.SetConsoleAuthorization(t.Context(), account, true, at, at))
	asked := st.asked
	maintain(1, at.Add(Reload-1))
	let("nothing was heard", true)
	if st.asked != asked {
		t.Errorf("the store was asked although nothing was heard")
	}
	maintain(2, at.Add(time.Second))
	let("a notice was heard", false)
	must(t, st.DeleteStatement(t.Context(), account, "s", at, at))
	maintain(2, at.Add(time.Second+Reload-1))
	let("nothing was heard", false)
	maintain(2, at.Add(time.Second+Reload))
	let("a minute passed", true)
}

// What was loaded holds while the store is away, and no longer than it can be known to.
func TestOldStatementsHoldWhileTheStoreIsAway(t *testing.T) {
	st := newStore(t)
	put(t, st, account, Statement{SourceIP: "203.0.113.7"}.Document())
	w := open(t, st)
	outside, inside := signin.Network{SourceIP: ip("198.51.100.7")}, signin.Network{SourceIP: ip("203.0.113.7")}
	st.err = errors.New("away")
	for range 3 {
		if err := w.Maintain(t.Context(), 1, at.Add(9*time.Minute)); !errors.Is(err, st.err) {
			t.Fatalf("Maintain = %v, want that the store is away", err)
		}
	}
	if st.asked != 4 {
		t.Errorf("the store was asked %d times, want at every call until it answers", st.asked)
	}
	if err := w.Check(After, account, developer, outside, at.Add(10*time.Minute)); signin.KindOf(err) != signin.PermissionMissing {
		t.Errorf("from outside: %v, want PermissionMissing", err)
	}
	if err := w.Check(After, account, developer, inside, at.Add(10*time.Minute)); err != nil {
		t.Errorf("from inside: %v", err)
	}
	for _, of := range []string{account, other} { // the other may have got statements that nobody here knows
		if err := w.Check(After, of, developer, inside, at.Add(10*time.Minute+1)); signin.KindOf(err) != signin.Overloaded {
			t.Errorf("account %s, too long after: %v, want Overloaded", of, err)
		}
	}
	st.err = nil
	must(t, w.Maintain(t.Context(), 1, at.Add(11*time.Minute)))
	if err := w.Check(After, account, developer, inside, at.Add(11*time.Minute)); err != nil {
		t.Errorf("once the store is back: %v", err)
	}
}

// Attack: somebody with a pen at the database, or a later version, writes what this one cannot read.
func TestUnreadableStatementClosesItsAccountOnly(t *testing.T) {
	st := newStore(t)
	put(t, st, account, Statement{SourceIP: "0.0.0.0/0"}.Document(), `{"sourceIp":"0.0.0.0/0","mfa":true}`)
	put(t, st, other, Statement{SourceIP: "0.0.0.0/0"}.Document())
	w := open(t, st)
	from := signin.Network{SourceIP: ip("203.0.113.7")}
	for _, phase := range []Phase{Before, After} {
		if err := w.Check(phase, account, developer, from, at); signin.KindOf(err) != signin.PermissionMissing {
			t.Errorf("Check in phase %d = %v, want PermissionMissing", phase, err)
		}
		if err := w.Check(phase, other, developer, from, at); err != nil {
			t.Errorf("another account in phase %d: %v", phase, err)
		}
	}
	if err := w.Maintain(t.Context(), 1, at); err == nil || !strings.Contains(err.Error(), account) {
		t.Errorf("Maintain = %v, want that it names the account", err)
	}
}

func BenchmarkCheck(b *testing.B) {
	st := newStore(b)
	var documents []string
	for range 100 {
		documents = append(documents, Statement{SourceIP: "10.0.0.0/8", ExcludedPrincipal: developer + "2"}.Document())
	}
	put(b, st, account, documents...)
	w := open(b, st)
	from := signin.Network{SourceIP: ip("10.0.0.7")}
	for name, of := range map[string]string{"100 statements": account, "none": other} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Check(After, of, developer, from, at)
			}
		})
	}
}

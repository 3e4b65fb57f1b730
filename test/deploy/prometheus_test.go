package deploy

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

func prometheus(name string) string { return filepath.Join(top, "deploy", "prometheus", name) }

func TestPrometheusAcceptsTheConfiguration(t *testing.T) {
	promtool := need(t, "promtool")
	if said, err := try(t, promtool, "check", "config", "--lint=all", "--lint-fatal", prometheus("prometheus.yml")); err != nil {
		t.Errorf("promtool check config: %v\n%s", err, said)
	}
	if said, err := try(t, promtool, "test", "rules", prometheus("alerts_test.yml")); err != nil {
		t.Errorf("promtool test rules: %v\n%s", err, said)
	}
}

// A threshold that is wrong must fail the tests of the rules, and a typo the check.
func TestPrometheusRefusesBrokenRules(t *testing.T) {
	promtool := need(t, "promtool")
	for _, c := range [][2]string{
		{"latchkey_notices_heard_age_seconds > 10\n", "latchkey_notices_heard_age_seconds > 1000\n"},
		{"increase(latchkey_replays_total[10m]) > 0", "increase(latchkey_replays_total[10m]) > 1"},
		{` unless latchkey_requests_total{outcome="ProofKeyMismatch"} offset 10m`, ``},
		{`operation=~"commit|notices_after|ring_keys|ping"`, `operation=~".*"`},
	} {
		dir := t.TempDir()
		for _, name := range []string{"recording.yml", "alerts_test.yml"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(file(t, "prometheus/"+name)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		broken := change(t, file(t, "prometheus/alerts.yml"), c[0], c[1])
		if err := os.WriteFile(filepath.Join(dir, "alerts.yml"), []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := try(t, promtool, "test", "rules", filepath.Join(dir, "alerts_test.yml")); err == nil {
			t.Errorf("the tests of the rules pass with %q for %q", c[1], c[0])
		}
	}
	if _, err := try(t, promtool, "check", "rules", put(t, "alerts.yml", change(t, file(t, "prometheus/alerts.yml"), "expr:", "exrp:"))); err == nil {
		t.Error("promtool check rules accepts a rule without expr")
	}
}

// rules is what of a rule file the tests look at.
type rules struct {
	Groups []struct {
		Rules []struct {
			Record, Alert, Expr string
			Labels, Annotations map[string]string
		}
	}
}

func rulesOf(t *testing.T, name string) rules {
	t.Helper()
	var r rules
	if err := yaml.Unmarshal([]byte(file(t, "prometheus/"+name)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Whoever is woken must know what to do; and every alert must have been seen to fire.
func TestEveryAlertHasARunbookAndATest(t *testing.T) {
	tests := file(t, "prometheus/alerts_test.yml")
	n := 0
	for _, g := range rulesOf(t, "alerts.yml").Groups {
		for _, r := range g.Rules {
			n++
			if severity := r.Labels["severity"]; severity != "page" && severity != "ticket" {
				t.Errorf("%s has the severity %q", r.Alert, severity)
			}
			if r.Annotations["summary"] == "" || len(r.Annotations["runbook"]) < 80 {
				t.Errorf("%s has no summary or no runbook", r.Alert)
			}
			if !strings.Contains(tests, r.Alert) {
				t.Errorf("%s is in no test of alerts_test.yml", r.Alert)
			}
		}
	}
	if n < 10 {
		t.Errorf("found %d alerts", n)
	}
}

// A rule about a metric that was renamed is silent for ever. What exists is asked of a server at which everything happened
// that makes a metric appear.
func TestRulesAndDashboardNameMetricsOfTheServer(t *testing.T) {
	command := developer(t, "")
	p := start(t, command)
	get(t, p.base+"/healthz")
	data := command.Args[slices.Index(command.Args, "--data")+1]
	if said, err := exec.CommandContext(t.Context(), bin, "user", "disable", "alice", "--config", filepath.Join(data, "latchkey.yaml")).CombinedOutput(); err != nil {
		t.Fatalf("user disable: %v\n%s", err, said)
	}
	until(t, "a notice is heard", func() bool { return strings.Contains(p.metrics(t), "latchkey_revocations_total{") })
	known := series(p.metrics(t))
	known["up"] = map[string]bool{}

	queries := map[string]string{}
	for _, name := range []string{"recording.yml", "alerts.yml"} {
		for _, g := range rulesOf(t, name).Groups {
			for _, r := range g.Rules {
				queries[name+": "+r.Record+r.Alert] = r.Expr
				if r.Record != "" { // job_operation:metric:how
					known[r.Record] = map[string]bool{}
					for label := range strings.SplitSeq(strings.SplitN(r.Record, ":", 2)[0], "_") {
						known[r.Record][label] = true
					}
				}
			}
		}
	}
	for where, expr := range dashboardQueries(t) {
		queries["latchkey.json: "+where] = expr
	}
	words := wordsOfTheServer(t)
	for where, expr := range queries {
		for _, problem := range foreign(expr, known, words) {
			t.Errorf("%s: %s", where, problem)
		}
	}
	if len(queries) < 40 {
		t.Errorf("found %d queries", len(queries))
	}
	for expr, want := range map[string]string{
		`rate(latchkey_request_total[5m])`:                    "latchkey_request_total",
		`sum by (op) (latchkey_requests_total{op="x"})`:       "op",
		`latchkey_requests_total{outcome="ProofKeyMismatsh"}`: "ProofKeyMismatsh",
		`sum by (instances) (latchkey_notices)`:               "instances",
	} {
		if got := strings.Join(foreign(expr, known, words), "; "); !strings.Contains(got, want) {
			t.Errorf("of %s the check says %q", expr, got)
		}
	}
}

// series returns the names in a text of metrics, with the labels of each.
func series(text string) map[string]map[string]bool {
	found := map[string]map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_:]+)(?:\{(.*)\})? `).FindAllStringSubmatch(text, -1) {
		if found[m[1]] == nil {
			found[m[1]] = map[string]bool{}
		}
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
			found[m[1]][l[1]] = true
		}
	}
	return found
}

// foreign returns what in a query the server does not have: metrics, labels, and values of labels.
func foreign(expr string, known map[string]map[string]bool, words string) (problems []string) {
	tree, err := parser.ParseExpr(expr)
	if err != nil {
		return []string{err.Error()}
	}
	every := map[string]bool{"job": true, "instance": true}
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		own, ok := known[selector.Name]
		if !ok {
			problems = append(problems, "there is no metric "+selector.Name)
		}
		for _, m := range selector.LabelMatchers {
			if m.Name == labels.MetricName || m.Name == "job" || m.Name == "instance" {
				continue
			}
			if !own[m.Name] {
				problems = append(problems, selector.Name+" has no label "+m.Name)
			}
			for value := range strings.SplitSeq(m.Value, "|") {
				if !strings.Contains(words, `"`+value+`"`) {
					problems = append(problems, "the server never says "+m.Name+"="+value)
				}
			}
		}
		for label := range own {
			every[label] = true
		}
		return nil
	})
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		if sum, ok := node.(*parser.AggregateExpr); ok {
			for _, label := range sum.Grouping {
				if !every[label] {
					problems = append(problems, "by a label that nothing here has: "+label)
				}
			}
		}
		return nil
	})
	return problems
}

// wordsOfTheServer returns the source of the server, where every value of a label is between quotes.
func wordsOfTheServer(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(filepath.Join(top, "internal"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

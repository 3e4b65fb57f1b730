package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// dashboard is what of the dashboard the tests look at.
type dashboard struct {
	Panels []struct {
		ID      int
		Title   string
		Type    string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ RefID, Expr string }
	}
	Templating struct{ List []struct{ Name string } }
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(file(t, "grafana/latchkey.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// dashboardQueries returns the queries of the panels by place, with values for the variables that Grafana fills in.
func dashboardQueries(t *testing.T) map[string]string {
	t.Helper()
	filled := strings.NewReplacer("$job", "latchkey", "$instance", ".*", "$__rate_interval", "5m")
	queries := map[string]string{}
	for _, p := range readDashboard(t).Panels {
		for _, q := range p.Targets {
			queries[fmt.Sprintf("%s (panel %d %s)", p.Title, p.ID, q.RefID)] = filled.Replace(q.Expr)
		}
	}
	return queries
}

func TestGrafanaAcceptsTheDashboard(t *testing.T) {
	node := need(t, "node")
	if _, err := os.Stat("grafana/node_modules"); err != nil {
		lacking(t, "no types of Grafana: %v; run test/deploy/install.sh", err)
	}
	text := file(t, "grafana/latchkey.json")
	if said, err := try(t, node, "grafana/check.mjs", put(t, "latchkey.json", text)); err != nil {
		t.Errorf("the dashboard: %v\n%s", err, said)
	}
	for wrong, typo := range map[string][2]string{
		"lime":          {`"drawStyle": "line"`, `"drawStyle": "lime"`},
		"legendFormt":   {`"legendFormat": "p99"`, `"legendFormt": "p99"`},
		"graphTooltips": {`"graphTooltip"`, `"graphTooltips"`},
		"datasorce":     {`"type": "datasource"`, `"type": "datasorce"`},
	} {
		t.Run(wrong, func(t *testing.T) {
			t.Parallel()
			said, err := try(t, node, "grafana/check.mjs", put(t, "broken.json", change(t, text, typo[0], typo[1])))
			if err == nil || !strings.Contains(said, wrong) {
				t.Errorf("the check says: %v\n%s", err, said)
			}
		})
	}
}

// The Prometheus that reads the queries is the one that reads the rules.
func TestPrometheusAcceptsTheQueriesOfTheDashboard(t *testing.T) {
	promtool := need(t, "promtool")
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var all []rule
	queries := dashboardQueries(t)
	for _, where := range slices.Sorted(maps.Keys(queries)) {
		all = append(all, rule{fmt.Sprintf("query:%d", len(all)), queries[where]})
	}
	check := func() (string, error) {
		text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": all}}})
		if err != nil {
			t.Fatal(err)
		}
		return try(t, promtool, "check", "rules", put(t, "queries.yml", string(text)))
	}
	if said, err := check(); err != nil || len(all) < 25 {
		t.Errorf("promtool on %d queries: %v\n%s", len(all), err, said)
	}
	all[0].Expr += ")"
	if _, err := check(); err == nil {
		t.Error("promtool accepts a query that is broken")
	}
}

// Panels that overlap are pushed about by Grafana; queries without the variables show the nodes of all installations.
func TestPanelsAreInTheirPlaces(t *testing.T) {
	taken, ids := map[[2]int]string{}, map[int]bool{}
	d := readDashboard(t)
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the number %d", p.ID)
		}
		ids[p.ID] = true
		if p.GridPos.W < 1 || p.GridPos.H < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s does not fit: %+v", p.Title, p.GridPos)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, q := range p.Targets {
			if !strings.Contains(q.Expr, `job="$job", instance=~"$instance"`) {
				t.Errorf("%s asks without the variables: %s", p.Title, q.Expr)
			}
		}
	}
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
	}
	if want := []string{"datasource", "job", "instance"}; !slices.Equal(variables, want) {
		t.Errorf("the variables are %q, want %q", variables, want)
	}
}

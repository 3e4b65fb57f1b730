package deploy

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// settings is what of the nodes' configuration the other manifests must agree with.
type settings struct {
	Listen        string `json:"listen"`
	MetricsListen string `json:"metrics_listen"`
	Database      struct {
		URLEnv string `json:"url_env"`
	} `json:"database"`
	RootKey struct {
		Env string `json:"env"`
	} `json:"root_key"`
	Shutdown struct {
		Delay   string `json:"delay"`
		Timeout string `json:"timeout"`
	} `json:"shutdown"`
}

// nodes returns the Deployment and the configuration of its pods.
func nodes(t *testing.T) (d appsv1.Deployment, s settings) {
	t.Helper()
	document(t, built(t), "Deployment", "latchkey", &d)
	if err := yaml.Unmarshal([]byte(file(t, "kubernetes/latchkey.yaml")), &s); err != nil {
		t.Fatal(err)
	}
	return d, s
}

// serve runs the server on a configuration, with a good root key and a database that nobody serves, and returns what it
// says before it gives up.
func serve(t *testing.T, configuration string) string {
	t.Helper()
	fresh := filepath.Join(t.TempDir(), "fresh")
	if said, err := try(t, bin, "init", fresh); err != nil {
		t.Fatalf("latchkey init: %v\n%s", err, said)
	}
	key, err := os.ReadFile(filepath.Join(fresh, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), bin, "serve", "--config", put(t, "latchkey.yaml", configuration))
	command.Env = []string{"LATCHKEY_ROOT_KEY=" + string(key), "LATCHKEY_DATABASE_URL=postgres://nobody@127.0.0.1:9/none?connect_timeout=2"}
	said, err := command.CombinedOutput()
	if err == nil {
		t.Fatalf("the server serves without a database:\n%s", said)
	}
	return string(said)
}

// The server reads its configuration strictly, so one that it no longer knows would stop every node of an upgrade. It gets
// as far as the database.
func TestServerAcceptsTheConfigurationOfTheNodes(t *testing.T) {
	text := change(t, file(t, "kubernetes/latchkey.yaml"), "0.0.0.0:8080", "127.0.0.1:0")
	text = change(t, text, "0.0.0.0:9090", "127.0.0.1:0")
	if said := serve(t, text); !strings.Contains(said, "127.0.0.1:9") && !strings.Contains(said, "connection refused") {
		t.Errorf("the server does not get as far as the database:\n%s", said)
	}
	if said := serve(t, change(t, text, "delay:", "delays:")); !strings.Contains(said, `unknown key "delays"`) {
		t.Errorf("of a key that does not exist, the server says:\n%s", said)
	}
}

func TestPodsHaveWhatTheConfigurationNames(t *testing.T) {
	d, s := nodes(t)
	container := d.Spec.Template.Spec.Containers[0]

	var secret corev1.Secret
	document(t, file(t, "kubernetes/secret.example.yaml"), "Secret", "latchkey", &secret)
	given := map[string]bool{}
	for _, e := range container.Env {
		if e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil {
			continue
		}
		given[e.Name] = true
		if _, ok := secret.StringData[e.ValueFrom.SecretKeyRef.Key]; !ok || e.ValueFrom.SecretKeyRef.Name != secret.Name {
			t.Errorf("%s comes from %+v, which secret.example.yaml does not have", e.Name, e.ValueFrom.SecretKeyRef)
		}
	}
	if want := map[string]bool{s.Database.URLEnv: true, s.RootKey.Env: true}; !maps.Equal(given, want) {
		t.Errorf("the pods have the variables %v, want %v", given, want)
	}

	ports := map[string]string{}
	for _, p := range container.Ports {
		ports[p.Name] = "0.0.0.0:" + strconv.Itoa(int(p.ContainerPort))
	}
	if want := map[string]string{"http": s.Listen, "metrics": s.MetricsListen}; !maps.Equal(ports, want) {
		t.Errorf("the pods have the ports %v, want %v", ports, want)
	}

	mount := container.VolumeMounts[0].MountPath
	if want := []string{"serve", "--config", mount + "/latchkey.yaml"}; !slices.Equal(container.Args, want) {
		t.Errorf("args = %q, want %q", container.Args, want)
	}
	var config corev1.ConfigMap
	document(t, built(t), "ConfigMap", "latchkey-", &config)
	if got := d.Spec.Template.Spec.Volumes[0].ConfigMap.Name; got != config.Name || config.Data["latchkey.yaml"] == "" {
		t.Errorf("the pods mount the ConfigMap %s, want %s with latchkey.yaml", got, config.Name)
	}
}

// The delay must outlast the readiness probe, and the kubelet must wait for delay and drain.
func TestPodsAreGivenTimeToDrain(t *testing.T) {
	d, s := nodes(t)
	pod := d.Spec.Template.Spec
	delay, err := time.ParseDuration(s.Shutdown.Delay)
	if err != nil {
		t.Fatal(err)
	}
	timeout, err := time.ParseDuration(s.Shutdown.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace < delay+timeout+5*time.Second {
		t.Errorf("terminationGracePeriodSeconds is %v, want 5s more than the delay of %v and the timeout of %v", grace, delay, timeout)
	}
	probe := pod.Containers[0].ReadinessProbe
	if seen := time.Duration(probe.PeriodSeconds*probe.FailureThreshold) * time.Second; seen > delay {
		t.Errorf("the readiness probe takes %v to see a node that stops, want at most the delay of %v", seen, delay)
	}
	if got := d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue(); got != 0 || *d.Spec.Replicas < 2 {
		t.Errorf("maxUnavailable is %d of %d, want 0 of several", got, *d.Spec.Replicas)
	}
}

func TestEverySelectorFindsThePods(t *testing.T) {
	text := built(t)
	d, _ := nodes(t)
	labels := d.Spec.Template.Labels
	finds := func(what string, selector map[string]string) {
		t.Helper()
		for k, v := range selector {
			if labels[k] != v {
				t.Errorf("%s selects %s=%s; the pods have %q", what, k, v, labels[k])
			}
		}
		if len(selector) == 0 {
			t.Errorf("%s selects everything", what)
		}
	}
	ports := map[string]bool{}
	for _, p := range d.Spec.Template.Spec.Containers[0].Ports {
		ports[p.Name] = true
	}
	for _, name := range []string{"latchkey\n", "latchkey-nodes\n"} {
		var s corev1.Service
		document(t, text, "Service", name, &s)
		finds("Service "+s.Name, s.Spec.Selector)
		for _, p := range s.Spec.Ports {
			if !ports[p.TargetPort.StrVal] {
				t.Errorf("Service %s wants the port %s, which the pods do not have", s.Name, p.TargetPort.StrVal)
			}
		}
	}
	var budget policyv1.PodDisruptionBudget
	document(t, text, "PodDisruptionBudget", "latchkey", &budget)
	finds("PodDisruptionBudget", budget.Spec.Selector.MatchLabels)
	var network networkingv1.NetworkPolicy
	document(t, text, "NetworkPolicy", "latchkey", &network)
	finds("NetworkPolicy", network.Spec.PodSelector.MatchLabels)
	for _, rule := range network.Spec.Ingress {
		for _, p := range rule.Ports {
			if !ports[p.Port.StrVal] {
				t.Errorf("NetworkPolicy lets in to the port %s, which the pods do not have", p.Port.StrVal)
			}
		}
	}
	finds("Deployment", d.Spec.Selector.MatchLabels)
	for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
		finds("topologySpreadConstraints", c.LabelSelector.MatchLabels)
	}
}

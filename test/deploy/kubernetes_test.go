package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// versions are the oldest and the newest Kubernetes that the manifests are for.
var versions = []string{"v1.31.0", "v1.37.0"}

// built returns what `kubectl apply -k deploy/kubernetes` would send, as YAML documents.
func built(t *testing.T) string {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(top, "deploy", "kubernetes"))
	if err != nil {
		t.Fatalf("kustomize: %v", err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// document returns the document of that kind and name, which is the beginning of its name, decoded strictly into what.
func document(t *testing.T, text, kind, name string, what any) {
	t.Helper()
	for doc := range strings.SplitSeq(text, "\n---\n") {
		if !strings.Contains("\n"+doc, "\nkind: "+kind+"\n") || !strings.Contains(doc, "\n  name: "+name) {
			continue
		}
		if err := yaml.UnmarshalStrict([]byte(doc), what); err != nil {
			t.Fatalf("%s %s: %v", kind, name, err)
		}
		return
	}
	t.Fatalf("there is no %s %s in\n%s", kind, name, text)
}

// conform asks kubeconform about text, which may have many documents.
func conform(t *testing.T, version, text string) (string, error) {
	t.Helper()
	schemas := filepath.Join(top, "build", "deploy", "schemas", "kubernetes_validate", "kubernetes-json-schema", version+"-local-strict")
	if _, err := os.Stat(schemas); err != nil {
		lacking(t, "no schemas of Kubernetes: %v; run test/deploy/install.sh", err)
	}
	return try(t, need(t, "kubeconform"), "-strict", "-schema-location", schemas+"/{{.ResourceKind}}{{.KindSuffix}}.json", put(t, "all.yaml", text))
}

func TestKubernetesAcceptsTheManifests(t *testing.T) {
	all := strings.Join([]string{built(t), file(t, "kubernetes/secret.example.yaml"), file(t, "kubernetes/ingress.example.yaml")}, "\n---\n")
	for _, version := range versions {
		if said, err := conform(t, version, all); err != nil || said != "" {
			t.Errorf("kubeconform, Kubernetes %s: %v\n%s", version, err, said)
		}
	}
	for _, typo := range [][2]string{
		{"readOnlyRootFilesystem", "readOnlyRotFilesystem"},
		{"maxUnavailable: 0", "maxUnavailable: {}"},
		{"unhealthyPodEvictionPolicy", "unhealthyPodEvictionPolice"},
		{"apiVersion: networking.k8s.io/v1", "apiVersion: networking.k8s.io/v2"},
	} {
		if _, err := conform(t, versions[1], change(t, all, typo[0], typo[1])); err == nil {
			t.Errorf("kubeconform accepts %s for %s", typo[1], typo[0])
		}
	}
}

// A manifest that the kustomization does not name is not applied, which nobody notices.
func TestEveryManifestIsNamedOrAnExample(t *testing.T) {
	found, err := os.ReadDir(filepath.Join(top, "deploy", "kubernetes"))
	if err != nil {
		t.Fatal(err)
	}
	named := file(t, "kubernetes/kustomization.yaml")
	for _, f := range found {
		name := f.Name()
		if name != "kustomization.yaml" && !strings.HasSuffix(name, ".example.yaml") && !strings.Contains(named, "- "+name+"\n") {
			t.Errorf("deploy/kubernetes/%s is not in kustomization.yaml", name)
		}
	}
}

// The namespace enforces the restricted standard, so a pod that breaks it would never start. The checks are those of the
// admission controller.
func TestPodsMeetTheRestrictedStandard(t *testing.T) {
	var d appsv1.Deployment
	document(t, built(t), "Deployment", "latchkey", &d)
	if broken := breaks(t, d); len(broken) > 0 {
		t.Errorf("the pods break the restricted standard: %s", strings.Join(broken, "; "))
	}
	d.Spec.Template.Spec.Containers[0].SecurityContext.Capabilities = nil
	if broken := breaks(t, d); !slices.ContainsFunc(broken, func(s string) bool { return strings.Contains(s, "capabilities") }) {
		t.Errorf("pods that keep their capabilities break only %q", broken)
	}
}

func breaks(t *testing.T, d appsv1.Deployment) []string {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		t.Fatal(err)
	}
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	var broken []string
	for _, r := range evaluator.EvaluatePod(restricted, &d.Spec.Template.ObjectMeta, &d.Spec.Template.Spec) {
		if !r.Allowed {
			broken = append(broken, fmt.Sprintf("%s: %s", r.ForbiddenReason, r.ForbiddenDetail))
		}
	}
	return broken
}

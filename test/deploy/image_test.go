package deploy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// descriptor is how one blob of an image names another (OCI image specification, "Content Descriptors").
type descriptor struct {
	MediaType   string
	Digest      string
	Size        int64
	Annotations map[string]string
	Platform    struct{ Architecture, OS string }
}

// image is one image and what it runs.
type image struct {
	Architecture, OS string
	Config           struct {
		User            string
		Entrypoint, Env []string
		WorkingDir      string
		Labels          map[string]string
	}
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	}
}

// makeImage builds the image of a source tree as `make image` does, and returns the folder of the layout and its digest.
func makeImage(t *testing.T, source string) (folder, digest string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "image")
	command := exec.CommandContext(t.Context(), "go", "run", ".", "-source", source, "-out", folder, "-version", "v1.2.3", "-created", "1700000000", "-revision", "abc")
	command.Dir = filepath.Join(top, "deploy", "container")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	said, err := command.Output()
	if err != nil {
		t.Fatalf("build the image: %v\n%s", err, &stderr)
	}
	digest, _, _ = strings.Cut(string(said), " ")
	return folder, digest
}

// layout is one image for all tests, because it takes a while, and the source that it was built from.
var layout struct {
	once                   sync.Once
	source, folder, digest string
}

// theImage returns the folder and the digest of an image that was built from a copy of the source, which nobody edits.
func theImage(t *testing.T) (folder, digest string) {
	t.Helper()
	layout.once.Do(func() {
		layout.source = filepath.Join(scratch, "source")
		copySource(t, top, layout.source)
		made, digest := makeImage(t, layout.source)
		layout.folder = filepath.Join(scratch, "image")
		if err := os.CopyFS(layout.folder, os.DirFS(made)); err != nil {
			t.Fatal(err)
		}
		layout.digest = digest
	})
	if layout.digest == "" {
		t.Fatal("the image could not be built")
	}
	return layout.folder, layout.digest
}

// copySource copies what the server is built from.
func copySource(t *testing.T, from, to string) {
	t.Helper()
	for _, folder := range []string{"cmd", "internal"} {
		if err := os.CopyFS(filepath.Join(to, folder), os.DirFS(filepath.Join(from, folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// blob returns what a descriptor names, after looking that it is what it names.
func blob(t *testing.T, folder string, d descriptor) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "blobs", strings.Replace(d.Digest, ":", "/", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(text)); got != d.Digest || int64(len(text)) != d.Size {
		t.Fatalf("%s has the digest %s and %d bytes, want %d", d.Digest, got, len(text), d.Size)
	}
	return text
}

func decode(t *testing.T, text []byte, what any) {
	t.Helper()
	if err := json.Unmarshal(text, what); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

const oci = "application/vnd.oci.image."

// images walks the layout from its index, as a registry client does, and returns the image of each platform.
func images(t *testing.T, folder, digest string) map[string]image {
	t.Helper()
	var version struct{ ImageLayoutVersion string }
	text, err := os.ReadFile(filepath.Join(folder, "oci-layout"))
	if err != nil {
		t.Fatal(err)
	}
	if decode(t, text, &version); version.ImageLayoutVersion != "1.0.0" {
		t.Errorf("the layout has the version %q", version.ImageLayoutVersion)
	}
	type index struct{ Manifests []descriptor }
	var outer, inner index
	if text, err = os.ReadFile(filepath.Join(folder, "index.json")); err != nil {
		t.Fatal(err)
	}
	decode(t, text, &outer)
	for _, d := range outer.Manifests {
		if d.Annotations["org.opencontainers.image.ref.name"] != "v1.2.3" {
			continue
		}
		if d.Digest != digest || d.MediaType != oci+"index.v1+json" {
			t.Errorf("the index is %s %s, want %s", d.MediaType, d.Digest, digest)
		}
		decode(t, blob(t, folder, d), &inner)
	}
	all := map[string]image{}
	for _, d := range inner.Manifests {
		if d.MediaType != oci+"manifest.v1+json" {
			t.Errorf("%s in the index", d.MediaType)
		}
		var manifest struct {
			MediaType string
			Config    descriptor
			Layers    []descriptor
		}
		decode(t, blob(t, folder, d), &manifest)
		if manifest.MediaType != d.MediaType || manifest.Config.MediaType != oci+"config.v1+json" {
			t.Errorf("a manifest says that it is %s with %s", manifest.MediaType, manifest.Config.MediaType)
		}
		var i image
		decode(t, blob(t, folder, manifest.Config), &i)
		if i.Architecture != d.Platform.Architecture || i.OS != d.Platform.OS || len(i.RootFS.DiffIDs) != len(manifest.Layers) {
			t.Errorf("%+v is not what %+v promises", i, d)
		}
		for n, l := range manifest.Layers {
			checkLayer(t, folder, l, i.RootFS.DiffIDs[n])
		}
		all[i.OS+"/"+i.Architecture] = i
	}
	return all
}

// checkLayer looks that a layer unpacks to the digest that the configuration names, and that nothing in it is setuid or
// out of place.
func checkLayer(t *testing.T, folder string, l descriptor, diffID string) {
	t.Helper()
	if l.MediaType != oci+"layer.v1.tar+gzip" {
		t.Errorf("a layer is %s", l.MediaType)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(blob(t, folder, l)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(unzip)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(plain)); got != diffID {
		t.Errorf("a layer unpacks to %s, want %s", got, diffID)
	}
	for r := tar.NewReader(bytes.NewReader(plain)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode&0o6000 != 0 || h.Mode&0o002 != 0 && h.Name != "tmp/" || h.ModTime.Unix() != 0 || !filepath.IsLocal(h.Name) {
			t.Errorf("%s has the mode %04o and the time %v", h.Name, h.Mode, h.ModTime)
		}
	}
}

func TestImageIsWhatItsDigestsSay(t *testing.T) {
	folder, digest := theImage(t)
	all := images(t, folder, digest)
	if len(all) != 2 {
		t.Errorf("the image is for %d platforms, want 2", len(all))
	}
	var d appsv1.Deployment
	document(t, built(t), "Deployment", "latchkey", &d)
	context := d.Spec.Template.Spec.SecurityContext
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		c := all[platform].Config
		if want := fmt.Sprintf("%d:%d", *context.RunAsUser, *context.RunAsGroup); c.User != want {
			t.Errorf("%s runs as %q, want %s, as the Deployment says", platform, c.User, want)
		}
		if strings.Join(c.Entrypoint, " ") != "/usr/bin/latchkey" || c.Labels["org.opencontainers.image.version"] != "v1.2.3" {
			t.Errorf("%s runs %q, version %q", platform, c.Entrypoint, c.Labels["org.opencontainers.image.version"])
		}
	}
}

// Anyone can build a published image again and compare, wherever the source lies.
func TestImageIsTheSameWhenBuiltAgain(t *testing.T) {
	_, digest := theImage(t)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	copySource(t, layout.source, elsewhere)
	if _, again := makeImage(t, elsewhere); again != digest {
		t.Errorf("the digest is %s, and built again %s", digest, again)
	}
}

// What umoci unpacks is what a container engine would; the server runs in it with nothing else there, as the user of the
// image.
func TestImageRuns(t *testing.T) {
	needRoot(t)
	umoci := need(t, "umoci")
	folder, _ := theImage(t)
	dir := openDir(t)
	bundle := filepath.Join(dir, "bundle")
	if said, err := try(t, umoci, "unpack", "--image", folder+":v1.2.3-linux-"+runtime.GOARCH, bundle); err != nil {
		t.Fatalf("umoci unpack: %v\n%s", err, said)
	}
	if err := os.Chmod(bundle, 0o755); err != nil {
		t.Fatal(err)
	}
	inside := func(args ...string) *exec.Cmd {
		command := exec.Command("/usr/bin/latchkey", args...)
		command.Dir, command.Env = "/var/lib/latchkey", []string{"PATH=/usr/bin"}
		command.SysProcAttr = &syscall.SysProcAttr{
			Chroot: filepath.Join(bundle, "rootfs"), Credential: &syscall.Credential{Uid: 65532, Gid: 65532},
		}
		return command
	}
	if said, err := inside("version").CombinedOutput(); err != nil || string(said) != "latchkey v1.2.3\n" {
		t.Errorf("latchkey version: %v\n%s", err, said)
	}
	p := start(t, inside("dev", "--listen", "127.0.0.1:0", "--data", "/var/lib/latchkey/data"))
	if status, body := get(t, p.base+"/healthz"); status != 200 {
		t.Errorf("/healthz in the image: %d %s", status, body)
	}

	certificates, err := os.ReadFile(filepath.Join(bundle, "rootfs", "etc", "ssl", "certs", "ca-certificates.crt"))
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(certificates) || bytes.Count(certificates, []byte("BEGIN")) < 80 {
		t.Errorf("the image has %d root certificates: %v", bytes.Count(certificates, []byte("BEGIN")), err)
	}
	for _, shell := range []string{"bin/sh", "usr/bin/sh", "bin", "sbin"} {
		if _, err := os.Lstat(filepath.Join(bundle, "rootfs", shell)); err == nil {
			t.Errorf("the image has /%s", shell)
		}
	}
}

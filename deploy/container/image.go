package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// refName is the annotation by which the readers of a layout find an image (OCI image layout specification, "Index").
const refName = "org.opencontainers.image.ref.name"

// labels are those that the OCI image specification predefines.
func (o order) labels() map[string]string {
	l := map[string]string{
		"org.opencontainers.image.title":       "Latchkey",
		"org.opencontainers.image.description": "A sign-in service that speaks the AWS Sign-In protocol",
		"org.opencontainers.image.source":      "https://github.com/latchkey-id/latchkey",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     o.version,
		"org.opencontainers.image.created":     o.created.Format("2006-01-02T15:04:05Z"),
	}
	if o.revision != "" {
		l["org.opencontainers.image.revision"] = o.revision
	}
	return l
}

// assemble puts the layers under one configuration: run latchkey as a user that is not root.
func assemble(o order, p v1.Platform, base v1.Layer, binary []byte) (v1.Image, error) {
	program, err := programLayer(binary)
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	when := v1.Time{Time: o.created}
	image, err = mutate.Append(image,
		mutate.Addendum{Layer: base, History: v1.History{Created: when, CreatedBy: "user, root certificates and folders"}},
		mutate.Addendum{Layer: program, History: v1.History{Created: when, CreatedBy: "latchkey " + o.version}})
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, withConfig(image, v1.ConfigFile{
		Architecture: p.Architecture, OS: p.OS, Variant: p.Variant, Created: when,
		Config: v1.Config{
			User:       fmt.Sprintf("%d:%[1]d", nonroot),
			Entrypoint: []string{"/usr/bin/latchkey"},
			Cmd:        []string{"--help"},
			Env:        []string{"PATH=/usr/bin"},
			WorkingDir: "/var/lib/latchkey",
			Labels:     o.labels(),
			StopSignal: "SIGTERM",
			ExposedPorts: map[string]struct{}{
				"8080/tcp": {},
			},
		},
	}))
}

// withConfig returns c with the layers of image, whose own configuration has nothing else.
func withConfig(image v1.Image, c v1.ConfigFile) *v1.ConfigFile {
	if has, err := image.ConfigFile(); err == nil { // an image in memory has one
		c.RootFS, c.History = has.RootFS, has.History
	}
	return &c
}

// write replaces o.out by a layout with one index over all platforms, called by the version, and returns its digest.
// Each platform has a name of its own too, for readers that do not choose from an index.
func write(o order, images []v1.Image) (v1.Hash, error) {
	if err := removeLayout(o.out); err != nil {
		return v1.Hash{}, err
	}
	all := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	path, err := layout.Write(o.out, all)
	if err != nil {
		return v1.Hash{}, err
	}
	for i, image := range images {
		p := o.platforms[i]
		all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &p}})
		name := map[string]string{refName: o.version + "-" + p.OS + "-" + p.Architecture + p.Variant}
		if err := path.AppendImage(image, layout.WithAnnotations(name), layout.WithPlatform(p)); err != nil {
			return v1.Hash{}, err
		}
	}
	if err := path.AppendIndex(all, layout.WithAnnotations(map[string]string{refName: o.version})); err != nil {
		return v1.Hash{}, err
	}
	return all.Digest()
}

// removeLayout removes the folder of an earlier layout, and refuses one that is something else.
func removeLayout(dir string) error {
	inside, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(inside) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
		return fmt.Errorf("%s is not an image layout, so it is not replaced: name another folder with -out", dir)
	}
	return os.RemoveAll(dir)
}

package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nonroot is the user and group that the image runs as. Kubernetes compares the number, so that is what the image names.
const nonroot = 65532

// entry is one file or folder of the image; a name that ends in a slash is a folder.
type entry struct {
	name  string
	mode  int64
	owner int
	data  []byte
}

// baseLayer has all but the program. It changes rarely, so registries and machines keep one for many versions.
func baseLayer() (v1.Layer, error) {
	return layer([]entry{
		{name: "etc/", mode: 0o755},
		{name: "etc/group", mode: 0o644, data: fmt.Appendf(nil, "root:x:0:\nlatchkey:x:%d:\n", nonroot)},
		{name: "etc/passwd", mode: 0o644, data: fmt.Appendf(nil, "root:x:0:0:root:/:/none\nlatchkey:x:%d:%[1]d:latchkey:/var/lib/latchkey:/none\n", nonroot)},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: roots()},
		{name: "tmp/", mode: 0o1777},
		{name: "usr/", mode: 0o755},
		{name: "usr/bin/", mode: 0o755},
		{name: "var/", mode: 0o755},
		{name: "var/lib/", mode: 0o755},
		{name: "var/lib/latchkey/", mode: 0o700, owner: nonroot},
	})
}

func programLayer(binary []byte) (v1.Layer, error) {
	return layer([]entry{{name: "usr/bin/latchkey", mode: 0o755, data: binary}})
}

// roots returns the root certificates that Mozilla trusts, as PEM. They come with the version that go.sum pins and not
// from the machine that builds. Those that are trusted only under conditions, which PEM cannot say, are left out.
func roots() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a Buffer takes everything
		}
	}
	return out.Bytes()
}

// layer packs the entries in their order, with no time, so that the same entries give the same bytes.
func layer(entries []entry) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, e := range entries {
		// The format is fixed because the writer would choose by content; the times stay zero, which is 1970.
		h := &tar.Header{Name: e.name, Mode: e.mode, Uid: e.owner, Gid: e.owner, Size: int64(len(e.data)), Format: tar.FormatUSTAR}
		h.Typeflag = tar.TypeReg
		if e.name[len(e.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}

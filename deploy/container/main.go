// Container builds the container image of Latchkey without a container engine and without a base image from anywhere:
// the source tree goes in, an OCI image layout for linux/amd64 and linux/arm64 comes out.
//
// The image has a static binary, a user that is not root, the root certificates that x/crypto publishes, and nothing
// else: no shell, no package manager. The same source, Go version and flags give the same digest. `make image` runs it;
// `skopeo copy oci:build/image:VERSION docker://…` or `crane push build/image …` takes the result to a registry.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// order is what the flags say.
type order struct {
	source    string // the root of the source tree
	out       string // the folder of the layout; replaced
	version   string
	revision  string // of the source, or ""
	created   time.Time
	platforms []v1.Platform
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "container:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	base, err := baseLayer()
	if err != nil {
		return err
	}
	var images []v1.Image
	for _, p := range o.platforms {
		binary, err := compile(ctx, o, p)
		if err != nil {
			return err
		}
		image, err := assemble(o, p, base, binary)
		if err != nil {
			return err
		}
		images = append(images, image)
	}
	digest, err := write(o, images)
	if err != nil {
		return err
	}
	fmt.Printf("%s oci:%s:%s\n", digest, o.out, o.version)
	return nil
}

func parse(args []string) (order, error) {
	var o order
	var created int64
	var platforms string
	flags := flag.NewFlagSet("container", flag.ContinueOnError)
	flags.StringVar(&o.source, "source", "../..", "root of the source tree")
	flags.StringVar(&o.out, "out", "../../build/image", "folder of the image layout; it is replaced")
	flags.StringVar(&o.version, "version", "dev", "version that the program says, and tag of the image")
	flags.StringVar(&o.revision, "revision", "", "commit of the source, for the image's labels")
	flags.Int64Var(&created, "created", 0, "time of the image in seconds since 1970, usually that of the commit")
	flags.StringVar(&platforms, "platforms", "linux/amd64,linux/arm64", "platforms, separated by commas")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("there are flags only, and no %q", flags.Arg(0))
	}
	o.created = time.Unix(created, 0).UTC()
	for name := range strings.SplitSeq(platforms, ",") {
		p, err := v1.ParsePlatform(name)
		if err != nil {
			return o, fmt.Errorf("-platforms: %w", err)
		}
		if p.OS != "linux" || p.Architecture == "" {
			return o, errors.New("-platforms: the image is for linux, so write linux/amd64 or the like")
		}
		o.platforms = append(o.platforms, *p)
	}
	return o, nil
}

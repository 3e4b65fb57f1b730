package authorize

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"

	"github.com/latchkey-id/latchkey/internal/wire"
)

//go:embed assets/style.css assets/copy.js assets/logo.svg
var assetFiles embed.FS

// assets are the files that pages refer to, each by a name that changes with what is in it, so that browsers may keep
// them for ever.
type assets struct {
	style, logo, copyScript string // paths
	byPath                  map[string]asset
}

type asset struct {
	contentType string
	body        []byte
}

func loadAssets() (assets, error) {
	a := assets{byPath: map[string]asset{}}
	for _, f := range []struct {
		path             *string
		file, suffix, as string
	}{
		{&a.style, "style.css", ".css", "text/css; charset=utf-8"},
		{&a.copyScript, "copy.js", ".js", "text/javascript; charset=utf-8"},
		{&a.logo, "logo.svg", ".svg", "image/svg+xml"},
	} {
		body, err := assetFiles.ReadFile("assets/" + f.file)
		if err != nil {
			return assets{}, fmt.Errorf("asset: %w", err)
		}
		sum := sha256.Sum256(body)
		*f.path = assetPath + hex.EncodeToString(sum[:8]) + f.suffix
		a.byPath[*f.path] = asset{f.as, body}
	}
	return a, nil
}

// serve answers GET /assets/….
func (a asset) serve(w http.ResponseWriter, c *wire.Call) {
	c.Record.Operation, c.Record.Outcome = "Asset", "ok"
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Security-Policy", "default-src 'none'") // for who opens the picture by itself
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	w.WriteHeader(http.StatusOK)
	if c.Method != http.MethodHead {
		w.Write(a.body)
	}
}

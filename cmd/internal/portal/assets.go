package portal

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"

	"bookledger/cmd/internal/problem"
)

//go:embed assets
var assetFiles embed.FS

// assetKinds are the files that pages use, with their media types.
var assetKinds = map[string]string{
	"portal.css": "text/css; charset=utf-8", "portal.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
}

// Stylesheet is where the portal's style sheet is served, for pages of others
// that wear it.
func Stylesheet() string { return assetPath("portal.css") }

// Icon is where the portal's icon is served, for the same pages.
func Icon() string { return assetPath("icon.svg") }

// assetPath is where a file that pages use is served: under a name with the
// hash of what it holds, so that browsers can keep it for good.
func assetPath(name string) string {
	content, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(content)
	stem, kind, _ := strings.Cut(name, ".")
	return "/assets/" + stem + "-" + hex.EncodeToString(sum[:6]) + "." + kind
}

func (p *Portal) asset(w http.ResponseWriter, r *http.Request) error {
	name, ok := p.assets[r.URL.Path]
	if !ok {
		return problem.NotFound.WithDetail("There is no such file; it may be of an earlier release. Load the page anew.")
	}
	w.Header().Set("Content-Type", assetKinds[name])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeFileFS(w, r, assetFiles, "assets/"+name)
	return nil
}

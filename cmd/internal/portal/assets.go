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

// assetTypes maps the embedded files to their media types.
var assetTypes = map[string]string{
	"portal.css": "text/css; charset=utf-8", "portal.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
}

// Stylesheet returns the URL path of the portal's style sheet, for pages outside
// the portal that use it.
func Stylesheet() string { return assetPath("portal.css") }

// Icon returns the URL path of the portal's icon, for the same pages.
func Icon() string { return assetPath("icon.svg") }

// assetPath returns the URL path of an embedded file. The path contains a hash of
// the file, so browsers can cache the file forever.
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
		return problem.NotFound.WithDetail("There is no file at this address. It may belong to an earlier version of the portal. Reload the page.")
	}
	w.Header().Set("Content-Type", assetTypes[name])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeFileFS(w, r, assetFiles, "assets/"+name)
	return nil
}

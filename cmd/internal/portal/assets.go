package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"bookledger/cmd/internal/problem"
)

//go:embed assets
var assetFiles embed.FS

// file is a file that pages use.
type file struct {
	content []byte
	kind    string
}

var assetKinds = map[string]string{
	"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
}

// assets are the files that pages use, by the name that holds their hash.
func assets() (map[string]file, error) {
	files := map[string]file{}
	err := fs.WalkDir(assetFiles, "assets", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := assetFiles.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, "assets/")
		files[hashed(name, content)] = file{content, assetKinds[name[strings.LastIndexByte(name, '.')+1:]]}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the portal's files: %w", err)
	}
	return files, nil
}

// hashed is a file's name with the hash of what it holds, so that browsers can
// keep it for good.
func hashed(name string, content []byte) string {
	sum := sha256.Sum256(content)
	stem, kind, _ := strings.Cut(name, ".")
	return stem + "-" + hex.EncodeToString(sum[:6]) + "." + kind
}

// Stylesheet is where the portal's style sheet is served, for pages of others
// that wear it.
func Stylesheet() string { return assetPath("portal.css") }

// Icon is where the portal's icon is served, for the same pages.
func Icon() string { return assetPath("icon.svg") }

// assetPath is where a file that pages use is served.
func assetPath(name string) string {
	content, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		return ""
	}
	return "/assets/" + hashed(name, content)
}

func (p *Portal) asset(w http.ResponseWriter, r *http.Request) {
	f, ok := p.files[r.PathValue("file")]
	if !ok {
		p.Problem(w, r, problem.NotFound.With("There is no such file; it may be of an earlier release. Load the page anew."))
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}

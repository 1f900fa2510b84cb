package proof

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bundleWriter writes a bundle into a temporary folder next to its destination.
// finish renames it, so the bundle is never there in part.
type bundleWriter struct {
	out, temporary string
	files          []fileEntry // written so far
}

// newBundleWriter starts a bundle that finish will put at out. The folder out must
// be empty or not exist.
func newBundleWriter(out string) (*bundleWriter, error) {
	out = filepath.Clean(out)
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("writing the bundle: the folder %s is not empty: name another", out)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("writing the bundle: %s is not a folder: %w", out, err)
	}
	parent := filepath.Dir(out)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	temporary, err := os.MkdirTemp(parent, ".evidence-*") // 0700
	if err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	return &bundleWriter{out: out, temporary: temporary}, nil
}

// discard removes the temporary folder. After finish it does nothing.
func (f *bundleWriter) discard() { _ = os.RemoveAll(f.temporary) }

// writeFile writes and syncs a file with the content that w writes.
func (f *bundleWriter) writeFile(name string, w func(io.Writer) error) error {
	file, err := os.OpenFile(filepath.Join(f.temporary, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	h := sha256.New()
	err = w(io.MultiWriter(file, h))
	info, statErr := file.Stat()
	if err = errors.Join(err, statErr, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("writing %s of the bundle: %w", name, err)
	}
	f.files = append(f.files, fileEntry{name, info.Size(), hex.EncodeToString(h.Sum(nil))})
	return nil
}

func (f *bundleWriter) writeText(name string, text []byte) error {
	return f.writeFile(name, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// finish writes the manifest and moves the bundle to its destination.
func (f *bundleWriter) finish(m manifest) error {
	slices.SortFunc(f.files, func(a, b fileEntry) int { return strings.Compare(a.Name, b.Name) })
	m.Files = slices.Clone(f.files)
	if err := f.writeText(manifestFile, encode(m)); err != nil {
		return err
	}
	if err := os.Remove(f.out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	if err := os.Rename(f.temporary, f.out); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	return nil
}

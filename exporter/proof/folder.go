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

// folder is a bundle that is being written, beside the place where it will
// stand, so that it is there whole or not at all.
type folder struct {
	out, temporary string
	sums           []fileSum
}

// newFolder begins a bundle at out, which must not be there or be empty.
func newFolder(out string) (*folder, error) {
	out = filepath.Clean(out)
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("writing the bundle: the folder %s is not empty; name another", out)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("writing the bundle: %s is there and no folder: %w", out, err)
	}
	parent := filepath.Dir(out)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	temporary, err := os.MkdirTemp(parent, ".evidence-*") // 0700
	if err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	return &folder{out: out, temporary: temporary}, nil
}

// discard removes what was written; after finish there is nothing.
func (f *folder) discard() { _ = os.RemoveAll(f.temporary) }

// write writes a file as w does.
func (f *folder) write(name string, w func(io.Writer) error) error {
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
	f.sums = append(f.sums, fileSum{name, info.Size(), hex.EncodeToString(h.Sum(nil))})
	return nil
}

func (f *folder) writeText(name string, text []byte) error {
	return f.write(name, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// finish writes the manifest and puts the bundle in its place.
func (f *folder) finish(m manifest) error {
	slices.SortFunc(f.sums, func(a, b fileSum) int { return strings.Compare(a.Name, b.Name) })
	m.Files = slices.Clone(f.sums)
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

package exports

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// spoolPrefix begins the names of files in the moment before they have none.
const spoolPrefix = "bookledger-export-"

// spool is the folder in which finished files lie, without names.
type spool struct {
	dir   string
	bytes atomic.Int64 // of all files, those being made and those only read too
}

// openSpool makes the folder where there is none, and removes what is left of
// a spool that died between making a file and taking its name.
func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for finished exports: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("looking at the folder for finished exports: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("using %s for finished exports: others may enter it (mode %#o): name a folder of its own, or chmod it to 0700", dir, info.Mode().Perm())
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("looking for unfinished exports: %w", err)
	}
	for _, entry := range left {
		if !strings.HasPrefix(entry.Name(), spoolPrefix) || !entry.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("removing an unfinished export: %w", err)
		}
	}
	return &spool{dir: dir}, nil
}

// file is a spooled file without a name. It is written by one goroutine, then
// read by any number, and closed when all who hold it have let go.
type file struct {
	spool  *spool
	file   *os.File
	size   int64
	failed error // the first write that failed, also where the maker did not look
	holds  atomic.Int32
}

func (s *spool) create() (*file, error) {
	f, err := os.CreateTemp(s.dir, spoolPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("making a file for an export: %w", err)
	}
	// A crash before this line leaves an empty file, which the next start removes.
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("taking the name of an export's file: %w", err), f.Close())
	}
	made := &file{spool: s, file: f}
	made.holds.Store(1)
	return made, nil
}

func (f *file) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.size += int64(n)
	f.spool.bytes.Add(int64(n))
	if err != nil && f.failed == nil {
		f.failed = err
	}
	return n, err
}

// open reads the file from its start. It may be called by who holds the file;
// closed is called after the reader has let go of it.
func (f *file) open(closed func()) *reader {
	f.holds.Add(1)
	return &reader{io.NewSectionReader(f.file, 0, f.size), sync.OnceValue(func() error {
		defer closed()
		return f.letGo()
	})}
}

// letGo gives up one hold; the last one frees the file.
func (f *file) letGo() error {
	if f.holds.Add(-1) > 0 {
		return nil
	}
	f.spool.bytes.Add(-f.size)
	return f.file.Close()
}

// reader reads a file from its start, apart from all others.
type reader struct {
	*io.SectionReader
	close func() error
}

// Close lets go of the file. Closing again does nothing.
func (r *reader) Close() error { return r.close() }

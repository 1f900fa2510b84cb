package bookfiles

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"bookledger/cmd/internal/progress"
	"bookledger/events"
	"bookledger/exporter"
	"bookledger/projections/book"
	"bookledger/projections/fold"
)

// Writer writes the books of one Friday to files.
type Writer struct {
	source   book.State
	calendar *events.Calendar
	week     book.Week
	exporter *exporter.Exporter
}

// New returns a writer of the books of week w. source is the state at its cutoff.
func New(source book.State, calendar *events.Calendar, w book.Week) *Writer {
	return &Writer{source, calendar, w, exporter.Current()}
}

// File describes a workbook that was written. Either AgentID or AgencyID is set.
type File struct {
	AgentID  string      `json:"agent_id,omitempty"`
	AgencyID string      `json:"agency_id,omitempty"`
	Friday   events.Date `json:"friday"`
	Boundary uint64      `json:"boundary"`
	Rows     int         `json:"rows"`
	SHA256   string      `json:"sha256"`
	Path     string      `json:"path"`
}

// All writes the books of all known agents to a folder, which it creates if
// necessary. It returns the files in the order of the agents' ids. newBar starts the
// progress bar.
func (w *Writer) All(ctx context.Context, folder string, newBar func(items string, total int64) *progress.Bar) ([]File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("creating the folder for the books: %w", err)
	}
	var agents []string
	if err := w.source.EachAgent(func(id string, _ *fold.Agent) error {
		agents = append(agents, id)
		return nil
	}); err != nil {
		return nil, err
	}
	bar := newBar("books written", int64(len(agents)))
	defer bar.Done()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0)) // this also bounds the memory
	all := make([]File, len(agents))
	for i, id := range agents {
		group.Go(func() error {
			b, err := book.ForAgent(ctx, w.source, w.calendar, w.week, id)
			if err != nil {
				return err
			}
			if all[i], err = w.Write(ctx, b, filepath.Join(folder, exporter.FileName(b))); err == nil {
				bar.Add(1)
			}
			return err
		})
	}
	return all, group.Wait()
}

// Write writes a book to a temporary file and renames it to path. If path is a
// folder, the file gets the book's own name in it. Write replaces a regular file,
// but nothing else: renaming over a device would remove the device.
func (w *Writer) Write(ctx context.Context, b *book.Book, path string) (File, error) {
	switch info, err := os.Stat(path); {
	case err != nil: // a new file
	case info.IsDir():
		path = filepath.Join(path, exporter.FileName(b))
	case !info.Mode().IsRegular():
		return File{}, fmt.Errorf("writing a book to %s: not a regular file; name a file or a folder", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".book-*")
	if err != nil {
		return File{}, fmt.Errorf("writing a book: %w", err)
	}
	result, err := w.exporter.Write(ctx, f, b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return File{}, errors.Join(fmt.Errorf("writing a book to %s: %w", path, err), os.Remove(f.Name()))
	}
	written := File{b.AgentID, "", b.Friday, b.Boundary, result.Rows, result.SHA256, path}
	if b.AgentID == "" {
		written.AgencyID = b.AgencyID
	}
	return written, nil
}

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

// Writer writes the books of one Friday into files.
type Writer struct {
	source   book.State
	calendar *events.Calendar
	week     book.Week
	exporter *exporter.Exporter
}

// New returns a writer of the books of a Friday, as of which source is.
func New(source book.State, calendar *events.Calendar, w book.Week) *Writer {
	return &Writer{source, calendar, w, exporter.Current()}
}

// File describes a book that was written.
type File struct {
	AgentID  string      `json:"agent_id,omitempty"`
	AgencyID string      `json:"agency_id,omitempty"`
	Friday   events.Date `json:"friday"`
	Boundary uint64      `json:"boundary"`
	Rows     int         `json:"rows"`
	SHA256   string      `json:"sha256"`
	Path     string      `json:"path"`
}

// All writes the books of all agents that are known into a folder, which it
// makes where it is missing, and counts in a bar that begin makes. The books
// come back in the order of the agents' ids.
func (w *Writer) All(ctx context.Context, folder string, begin func(what string, total int64) *progress.Bar) ([]File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the books: %w", err)
	}
	var agents []string
	if err := w.source.EachAgent(func(id string, _ *fold.Agent) error {
		agents = append(agents, id)
		return nil
	}); err != nil {
		return nil, err
	}
	bar := begin("books written", int64(len(agents)))
	defer bar.Done()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0)) // which also bounds the memory
	all := make([]File, len(agents))
	for i, id := range agents {
		group.Go(func() error {
			made, err := book.ForAgent(ctx, w.source, w.calendar, w.week, id)
			if err != nil {
				return err
			}
			if all[i], err = w.Write(ctx, made, filepath.Join(folder, exporter.FileName(made))); err == nil {
				bar.Add(1)
			}
			return err
		})
	}
	return all, group.Wait()
}

// Write writes a book under a temporary name and renames it. In a folder the
// file has the book's own name. It replaces a file, but nothing else: a device
// would be gone.
func (w *Writer) Write(ctx context.Context, made *book.Book, path string) (File, error) {
	switch info, err := os.Stat(path); {
	case err != nil: // there is none yet
	case info.IsDir():
		path = filepath.Join(path, exporter.FileName(made))
	case !info.Mode().IsRegular():
		return File{}, fmt.Errorf("writing a book to %s: it is not a file; name a file or a folder", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".book-*")
	if err != nil {
		return File{}, fmt.Errorf("writing a book: %w", err)
	}
	result, err := w.exporter.Write(ctx, f, made)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return File{}, errors.Join(fmt.Errorf("writing a book to %s: %w", path, err), os.Remove(f.Name()))
	}
	written := File{made.AgentID, "", made.Friday, made.Boundary, result.Rows, result.SHA256, path}
	if made.AgentID == "" {
		written.AgencyID = made.AgencyID
	}
	return written, nil
}

package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"bookledger/events"
	"bookledger/exporter"
)

// Request is what evidence is asked for.
type Request struct {
	Kind   Kind
	Agent  string      // whose book
	Friday events.Date // as of whose cutoff

	// Case, Member and Year name the row of a bundle of the kind Row. Without
	// member and year it is the case's only row.
	Case, Member string
	Year         int

	Journal  string      // the dump of the whole record
	Out      string      // the folder to write, which is not there or empty
	Progress func(n int) // of records replayed; nil: nobody asks
}

// Make writes a bundle of evidence from a dump. It returns ErrNotSealed for a
// Friday without a signed seal in the record, ErrWhich for a row that was not
// named well enough, ErrDiffers for a dump that contradicts itself, and then,
// as after every error, has written nothing.
func Make(ctx context.Context, q Request) error {
	if q.Kind == Row && !isRow(q.Case, q.Member) {
		return fmt.Errorf("%w: no case or member can have the ids %q and %q", ErrAmbiguousRow, q.Case, q.Member)
	}
	to, err := newFolder(q.Out)
	if err != nil {
		return err
	}
	defer to.discard()
	d, err := derive(ctx, func() (*os.File, error) { return os.Open(q.Journal) }, q)
	if err != nil {
		return err
	}

	// What every bundle has: the seal, and what proves it.
	s, err := d.statement()
	if errors.Is(err, ErrNotSealed) {
		return fmt.Errorf("%w; run the daemon on the node that has seal.key until it has signed that Friday's seal, then dump the journal again", err)
	}
	if err != nil {
		return err
	}
	files, err := s.files(d)
	if err != nil {
		return err
	}

	// What the kind has beside it.
	m := manifest{Version: formVersion, Kind: q.Kind, LedgerID: d.id, Agent: q.Agent, Friday: q.Friday}
	if q.Kind != Row {
		m.Exporter = exporter.Version
		if err := d.writeWorkbook(ctx, to); err != nil {
			return err
		}
	}
	switch q.Kind {
	case Whole:
		err = d.writeJournal(to)
	case Records:
		if err = d.writeRecords(ctx, to, s.head.Size); err == nil {
			err = d.writeRows(to)
		}
	case Row:
		if err = d.writeRecords(ctx, to, s.head.Size); err == nil {
			files[rowFile], err = d.row()
		}
	}
	if err != nil {
		return err
	}
	files[readmeFile] = readme(m, d.calendar)
	for name, text := range files { // the manifest sorts them
		if err := to.writeText(name, text); err != nil {
			return err
		}
	}
	return to.finish(m)
}

func (d *derivation) writeWorkbook(ctx context.Context, to *folder) error {
	return to.write(workbookFile, func(w io.Writer) error {
		_, err := exporter.Current().Write(ctx, w, d.book)
		return err
	})
}

func (d *derivation) writeJournal(to *folder) error {
	return to.write(journalFile, func(w io.Writer) error {
		f, err := os.Open(d.q.Journal)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}

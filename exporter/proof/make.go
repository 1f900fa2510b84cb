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

// Request describes the bundle to make.
type Request struct {
	Kind   Kind
	Agent  string      // owner of the book
	Friday events.Date // of the book

	// Case, Member and Year identify the row of a bundle of kind Row. Member and
	// Year may be blank if the book has one row of the case.
	Case, Member string
	Year         int

	Journal  string      // path of a dump of the whole journal
	Out      string      // folder to write; must be empty or not exist
	Progress func(n int) // if not nil, called with numbers of records as they are replayed
}

// Make writes a bundle of evidence from a dump. After an error it has written
// nothing. It returns ErrNotSealed if the journal has no signed seal of the
// Friday, ErrAmbiguousRow if the request does not identify one row, ErrMismatch if
// the dump contradicts itself, checkpoint.ErrNoCheckpoint if there is no such
// Friday, and book.ErrUnknownOwner if there is no such agent.
func Make(ctx context.Context, q Request) error {
	if q.Kind == Row && !validRowIDs(q.Case, q.Member) {
		return fmt.Errorf("%w: case %q or member %q is not a valid id", ErrAmbiguousRow, q.Case, q.Member)
	}
	to, err := newBundleWriter(q.Out)
	if err != nil {
		return err
	}
	defer to.discard()
	d, err := derive(ctx, func() (*os.File, error) { return os.Open(q.Journal) }, q)
	if err != nil {
		return err
	}

	// Every bundle contains the seal and its proof.
	s, err := d.makeStatement()
	if errors.Is(err, ErrNotSealed) {
		return fmt.Errorf("%w: run the daemon on the node that has seal.key until the seal of that Friday is signed, then dump the journal again", err)
	}
	if err != nil {
		return err
	}
	files, err := s.files(d)
	if err != nil {
		return err
	}

	// The other files depend on the kind.
	m := manifest{Version: formatVersion, Kind: q.Kind, LedgerID: d.id, Agent: q.Agent, Friday: q.Friday}
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
			files[rowFile], err = d.proveRow()
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

func (d *derivation) writeWorkbook(ctx context.Context, to *bundleWriter) error {
	return to.writeFile(workbookFile, func(w io.Writer) error {
		_, err := exporter.Current().Write(ctx, w, d.book)
		return err
	})
}

func (d *derivation) writeJournal(to *bundleWriter) error {
	return to.writeFile(journalFile, func(w io.Writer) error {
		f, err := os.Open(d.request.Journal)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}

package proof

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/exporter"
	"bookledger/projections/book"
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
	if q.Kind == Row && (!events.IsIdentifier(q.Case) || q.Member != "" && !events.IsIdentifier(q.Member)) {
		return fmt.Errorf("%w: no case or member can have the ids %q and %q", ErrWhich, q.Case, q.Member)
	}
	to, err := newFolder(q.Out)
	if err != nil {
		return err
	}
	defer to.discard()
	open := func() (fs.File, error) { return os.Open(q.Journal) }
	d, err := derive(ctx, open, question{agent: q.Agent, friday: q.Friday, cases: q.Kind == Records, progress: q.Progress})
	if err != nil {
		return err
	}
	if err := d.writeStatement(to, q.Friday, q.Agent); err != nil {
		return err
	}
	if err := d.writeKind(ctx, to, q); err != nil {
		return err
	}
	m := manifest{Version: formVersion, Kind: q.Kind, LedgerID: d.LedgerID(), Agent: q.Agent, Friday: q.Friday}
	if q.Kind != Row {
		m.Exporter = exporter.Version
	}
	if err := to.writeText(readmeFile, readme(m, d.friday.Cutoff, d.Calendar().Zone())); err != nil {
		return err
	}
	return to.finish(m)
}

// writeKind writes what a kind has beside the statement.
func (d *derivation) writeKind(ctx context.Context, to *folder, q Request) error {
	of, _, err := d.chosen(q.Friday)
	if err != nil {
		return err
	}
	if q.Kind == Row {
		if err := d.writeRecords(to, of.Size, d.eachKeyRecord(of.Size)); err != nil {
			return err
		}
		return d.writeRow(to, q)
	}
	if err := to.write(workbookFile, func(w io.Writer) error { return writeWorkbook(ctx, w, d.book) }); err != nil {
		return err
	}
	if q.Kind == Whole {
		return to.write(journalFile, func(w io.Writer) error {
			f, err := os.Open(q.Journal)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		})
	}
	if err := d.writeRecords(to, of.Size, d.eachCaseRecord(ctx, q.Journal, of.Size)); err != nil {
		return err
	}
	return d.writeRows(to)
}

// eachKeyRecord goes through genesis and the changes of the key that a head of
// that size knows.
func (d *derivation) eachKeyRecord(size uint64) func(func(*record.Record) error) error {
	return func(yield func(*record.Record) error) error {
		for i := range d.keyRecords {
			if r := &d.keyRecords[i]; r.Seq <= size {
				if err := yield(r); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// eachCaseRecord goes through the same and the records about the cases of the
// book, up to the boundary.
func (d *derivation) eachCaseRecord(ctx context.Context, journal string, size uint64) func(func(*record.Record) error) error {
	var wanted []uint64
	for _, id := range casesOf(d.book) {
		wanted = append(wanted, d.cases[id]...)
	}
	wanted = slices.DeleteFunc(wanted, func(seq uint64) bool { return seq > d.friday.Boundary })
	for i := range d.keyRecords {
		if seq := d.keyRecords[i].Seq; seq <= size {
			wanted = append(wanted, seq)
		}
	}
	slices.Sort(wanted)
	return func(yield func(*record.Record) error) error {
		f, err := os.Open(journal)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := record.NewReader(f)
		for _, seq := range slices.Compact(wanted) {
			if err := ctx.Err(); err != nil {
				return err
			}
			r, err := skipTo(lines, seq)
			if err == nil {
				err = yield(&r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// skipTo reads on to a record of a dump, in which each stands on the line of
// its sequence.
func skipTo(lines *record.Reader, seq uint64) (record.Record, error) {
	for {
		text, number, err := lines.NextRaw()
		if err != nil {
			return record.Record{}, fmt.Errorf("reading record %d again from the dump: %w", seq, err)
		}
		if uint64(number) == seq {
			l, err := record.ParseLine(text)
			return l.Record, err
		}
	}
}

// casesOf returns the cases of a book, by id.
func casesOf(b *book.Book) []string {
	var all []string
	for i := range b.Rows {
		all = append(all, b.Rows[i].CaseID)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

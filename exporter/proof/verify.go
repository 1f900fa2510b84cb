package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"bookledger/events"
	"bookledger/events/record/treehead"
	"bookledger/exporter"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// Options are what an auditor has beside a bundle.
type Options struct {
	Key      string      // the ledger's key, in the form of key.txt, got in another way than the bundle; "" for none
	Head     []byte      // a head of the ledger that the auditor kept, or has from a witness, and trusts; nil for none
	Progress func(n int) // of records replayed; nil: nobody asks
}

// Report says in plain words what a check has found.
type Report struct {
	Kind      Kind        `json:"kind"`
	LedgerID  string      `json:"ledger_id"`
	Agent     string      `json:"agent"`
	Friday    events.Date `json:"friday"`
	Checked   []string    `json:"checked"`
	NotProven []string    `json:"not_proven"`
}

func (r *Report) checkedf(format string, args ...any) {
	r.Checked = append(r.Checked, fmt.Sprintf(format, args...))
}

func (r *Report) unprovenf(format string, args ...any) {
	r.NotProven = append(r.NotProven, fmt.Sprintf(format, args...))
}

// Verify checks a bundle, and trusts nothing in it. Where it returns
// ErrDiffers the evidence does not verify, and the error names the first
// difference: whatever comes of the contents of a folder is one. Any other error
// is of a folder that is not there or of a disk that does not give what it
// holds. The report then says what had been checked before.
func Verify(ctx context.Context, folder string, o Options) (*Report, error) {
	r := &Report{}
	err := verify(ctx, folder, o, r)
	_, unread := errors.AsType[*fs.PathError](err)
	if err != nil && !errors.Is(err, ErrMismatch) && !unread && ctx.Err() == nil {
		err = differs("%w", err)
	}
	return r, err
}

func verify(ctx context.Context, folder string, o Options, r *Report) error {
	b, err := openBundle(folder)
	if err != nil {
		return err
	}
	defer b.root.Close()
	r.Kind, r.LedgerID, r.Agent, r.Friday = b.Kind, b.LedgerID, b.Agent, b.Friday
	v := &verifier{b, o, r}
	if b.Kind == Whole {
		err = v.whole(ctx)
	} else {
		err = v.part()
	}
	if (err == nil || errors.Is(err, ErrMismatch)) && b.damaged != nil {
		if err == nil {
			return b.damaged
		}
		return fmt.Errorf("%w; also, %w", err, b.damaged)
	}
	if err == nil {
		r.checkedf("Every file is the one that %s names, and there is no other.", manifestFile)
		v.limits()
	}
	return err
}

type verifier struct {
	*bundle
	o Options
	r *Report
}

// whole derives everything again from the whole record.
func (v *verifier) whole(ctx context.Context) error {
	open := func() (*os.File, error) { return v.root.Open(journalFile) }
	d, err := derive(ctx, open, Request{Kind: Whole, Agent: v.Agent, Friday: v.Friday, Progress: v.o.Progress})
	if errors.Is(err, checkpoint.ErrNoCheckpoint) {
		if short := v.longEnough(d); short != nil {
			return short
		}
	}
	switch {
	case errors.Is(err, checkpoint.ErrNoCheckpoint), errors.Is(err, book.ErrUnknownOwner):
		return differs("the record in %s has no such book: %v", journalFile, err)
	case err != nil:
		return err
	}
	if err := v.isOf(d.identity, journalFile); err != nil {
		return err
	}
	v.r.checkedf("%s holds %d records without a gap, from the genesis of ledger %s on, each written as the ledger writes it.", journalFile, d.records, v.LedgerID)
	if err := v.stated(d); err != nil {
		return err
	}
	workbook, err := v.read(workbookFile)
	if err != nil {
		return err
	}
	c, err := CompareBook(ctx, workbook, d.book)
	if err != nil {
		return err
	}
	if err := v.madeBy(exporter.Version); err != nil {
		return err
	}
	v.r.checkedf("The book of agent %s as of Friday %s was derived from the record anew: %d rows. The workbook says the same in each of its %d cells.", v.Agent, v.Friday, c.Rows, c.Cells)
	v.r.checkedf("The workbook is byte for byte the one that exporter %s makes.", exporter.Version)
	return nil
}

// stated checks what the bundle says of the seal. What the record says of itself
// is compared before it, so that the narrowest range is named.
func (v *verifier) stated(d *derivation) error {
	if err := d.compared(); err != nil {
		return err
	}

	// The heads in the bundle are of the record, and the seal is under them.
	s, err := v.statement(d.keys)
	if err != nil {
		return err
	}
	claims := []replay.Claim{claimOf("the head in "+headFile, s.head.Head)}
	if s.before.Size > 0 {
		claims = append(claims, claimOf("the head in "+beforeFile, s.before.Head))
	}
	if err := d.compared(claims...); err != nil {
		return err
	}
	if err := v.longEnough(d); err != nil {
		return err
	}

	// What the bundle says of the seal is what the record says, to the byte.
	made, err := d.statement()
	if errors.Is(err, ErrNotSealed) {
		return differs("%s ends with record %d, and the records from which %s and %s were taken are not all in it: %v", journalFile, d.records, sealFile, headFile, err)
	}
	if err != nil {
		return err
	}
	files, err := made.files(d)
	if err != nil {
		return err
	}
	for _, name := range statementFiles {
		var text []byte
		if v.has(name) {
			if text, err = v.read(name); err != nil {
				return err
			}
		}
		if !bytes.Equal(text, files[name]) {
			return differs("%s is not what the record has for the seal of Friday %s", name, v.Friday)
		}
	}
	v.r.checkedf("The seal of Friday %s, record %d, was computed anew from the record up to its boundary, record %d: the root of the record, the root over the books of %d agents and all counts are the same.", v.Friday, s.sealed.Seq, s.seal.Boundary, s.place.Agents)
	v.r.checkedf("All %d heads that the ledger's key has signed in the record are of this record.", made.heads)
	if err := v.common(d.keys, s); err != nil {
		return err
	}
	return v.keptHead(d.keys, func(h treehead.Head) error {
		if h.Size > d.records {
			return differs("the head that was kept is of %d records, and the record in the bundle ends with record %d: later records are missing, or the bundle is older than the head", h.Size, d.records)
		}
		return d.compared(claimOf("the head that was kept", h))
	})
}

// longEnough checks that the record does not end before the head in the bundle,
// whoever has signed that.
func (v *verifier) longEnough(d *derivation) error {
	text, err := v.read(headFile)
	if err != nil {
		return err
	}
	h, err := treehead.OpenUnverified(text)
	switch {
	case err == nil && d.records == 0:
		return differs("%s holds no record, and the head in %s is of %d", journalFile, headFile, h.Size)
	case err == nil && h.Size > d.records:
		return differs("%s ends with record %d, and the head in %s is of %d records: the last %d are missing, or it is the record of another history", journalFile, d.records, headFile, h.Size, h.Size-d.records)
	}
	return nil // a head that cannot be read is for others to name
}

// part checks a bundle that has not the whole record.
func (v *verifier) part() error {
	l, err := v.readLedger()
	if err != nil {
		return err
	}
	if err := v.isOf(l, recordsFile); err != nil {
		return err
	}
	s, err := v.statement(l.keys)
	if err != nil {
		return err
	}
	of, n, err := v.checkRecords(s)
	if err != nil {
		return err
	}
	if v.Kind == Row {
		err = v.onlyRow(s)
	} else {
		err = v.records(s, l.calendar, of, n)
	}
	if err != nil {
		return err
	}
	if err := v.common(l.keys, s); err != nil {
		return err
	}
	return v.keptHead(l.keys, s.compare)
}

// records checks the rows and the workbook of a bundle that has the n records
// about the cases of a book.
func (v *verifier) records(s *statement, calendar *events.Calendar, of map[uint64]recorded, n int) error {
	rows, err := v.rows(s, of)
	if err != nil {
		return err
	}
	text, err := v.read(workbookFile)
	if err != nil {
		return err
	}
	err = readWorkbook(text, len(rows), func(w *workbook) error {
		if err := w.compareRows(len(rows), func(i int) []book.NamedValue { return rows[i] }, false); err != nil {
			return err
		}
		if err := v.madeBy(w.version()); err != nil {
			return err
		}
		return w.compareTitle(s, calendar.Cutoff(v.Friday))
	})
	if err != nil {
		return err
	}
	v.r.checkedf("Each of the %d records in %s is under the signed head: it was recorded, and is unchanged.", n, recordsFile)
	v.r.checkedf("The %d rows in %s, salted by those records, have the sealed root of the book.", len(rows), rowsFile)
	v.r.checkedf("The workbook says the same in every cell, and on the sheet %s names the same agent, cutoff, boundary and counts.", exporter.AboutSheet)
	return nil
}

// onlyRow checks the row of a bundle of the kind Row.
func (v *verifier) onlyRow(s *statement) error {
	p, err := v.row(s)
	if err != nil {
		return err
	}
	if v.Exporter != "" {
		return differs("%s names an exporter, and there is no workbook", manifestFile)
	}
	if p.Present != nil {
		var values []string
		for _, each := range p.Present.Values {
			values = append(values, each.Field+" "+shown(each.Value))
		}
		v.r.checkedf("The row of %s stands in the sealed book of agent %s as of Friday %s, with these values: %s.", p.name(), v.Agent, v.Friday, strings.Join(values, ", "))
		return nil
	}
	v.r.checkedf("There is no row of %s in the sealed book of agent %s as of Friday %s: its place in the order of the book's tree is empty.", p.name(), v.Agent, v.Friday)
	v.r.unprovenf("Whether the book has other rows of case %s, of other members or years: each absence is of one row.", p.CaseID)
	return nil
}

// isOf checks that the bundle belongs to the ledger whose genesis is in a file,
// and that its text for the auditor is the one that this release writes: whoever
// follows another may be led astray.
func (v *verifier) isOf(l identity, file string) error {
	if l.id != v.LedgerID {
		return differs("%s names the ledger %q, and the genesis in %s is that of %q", manifestFile, v.LedgerID, file, l.id)
	}
	text, err := v.read(readmeFile)
	if err != nil {
		return err
	}
	if !bytes.Equal(text, readme(v.manifest, l.calendar)) {
		return differs("%s is not the text that this release writes for such a bundle", readmeFile)
	}
	return nil
}

// madeBy checks that the manifest and the workbook name the same version of the
// exporter.
func (v *verifier) madeBy(version string) error {
	if v.Exporter != version {
		return differs("%s says that exporter %q made the workbook, which says %q itself", manifestFile, v.Exporter, version)
	}
	return knownExporter(version)
}

// common checks the key that was given, which signed the head or handed over to
// the key that did, and says what every kind has shown.
func (v *verifier) common(keys *treehead.Keys, s *statement) error {
	stood := keys.TextsUntil(s.head.Size)
	if v.o.Key != "" && !slices.Contains(stood, strings.TrimSpace(v.o.Key)) {
		return differs("the key that was given is not that of the ledger which signed: the head of %d records is signed by %s", s.head.Size, stood[len(stood)-1])
	}
	v.r.checkedf("The head of %d records is signed by the ledger's key of that time, %s. The seal is under it, and so is the record up to the boundary.", s.head.Size, stood[len(stood)-1])
	if len(stood) > 1 {
		v.r.checkedf("That key was handed over from the one in genesis, %d times, each time signed by the key before.", len(stood)-1)
	}
	if s.before.Size > 0 {
		v.r.checkedf("The earlier head of %d records that the ledger's key has signed is part of the same history: nothing before it was changed since.", s.before.Size)
	} else {
		v.r.unprovenf("There is no signed head of an earlier Friday in the bundle, so that it was compared with none.")
	}
	v.r.checkedf("The book of agent %s, with %d rows of %d cases, is one of those under the book root of the seal.", s.place.Agent, s.place.Rows, s.place.Cases)
	if v.o.Key != "" {
		v.r.checkedf("The key that you gave is the one that signed, or handed over to it.")
	} else {
		v.r.unprovenf("That the key is the ledger's own: it comes from the bundle. Get it in another way, and give it with --key.")
	}
	return nil
}

// keptHead checks a head that the auditor has kept, as fits can. Whether the
// ledger's key has signed it is told, but it counts without: who gives a head
// trusts it, and a witness may have signed it alone.
func (v *verifier) keptHead(keys *treehead.Keys, fits func(treehead.Head) error) error {
	if v.o.Head == nil {
		v.r.unprovenf("That nobody was shown another history: give with --head the file %s of an earlier bundle, or a head of this ledger that a witness has signed, to have it compared.", headFile)
		return nil
	}
	h, signed, err := openKept(v.o.Head, keys)
	if err != nil {
		return differs("the head that was kept: %v", err)
	}
	if err := fits(h); err != nil {
		if !signed {
			err = fmt.Errorf("%w; the ledger's key has not signed the head that was kept, so that it shows a fork to those alone who trust where it comes from", err)
		}
		return err
	}
	v.r.checkedf("The head of %d records that you kept is of the same history.", h.Size)
	if !signed {
		v.r.unprovenf("That the ledger's key has signed the head that you kept: it carries no signature of it, and was compared as your own.")
	}
	return nil
}

// openKept opens a head of the ledger that the auditor trusts, and reports whether
// the ledger's key has signed it. A signature of that key which does not fit is
// of a head that was changed.
func openKept(text []byte, keys *treehead.Keys) (h treehead.Head, signed bool, err error) {
	h, err = keys.Open(text)
	_, wrong := errors.AsType[*note.InvalidSignatureError](err)
	if err == nil || wrong || !errors.Is(err, treehead.ErrUnsigned) {
		return h, err == nil, err
	}
	if h, err = treehead.OpenUnverified(text); err == nil && h.Origin != keys.Origin() {
		err = fmt.Errorf("it is %w: %q, and not %q", treehead.ErrOrigin, h.Origin, keys.Origin())
	}
	return h, false, err
}

// limits says what no check of that kind can show.
func (v *verifier) limits() {
	switch v.Kind {
	case Whole:
		v.r.unprovenf("That records after the signed head are unchanged or complete: a later seal shows it.")
	case Records:
		v.r.unprovenf("That no record about these cases was left out of the bundle, and that the ledger's rules were followed in making rows of records: that takes the whole record.")
		v.r.unprovenf("The bytes of the workbook: how it shows its cells, the order of its rows, and what its sheet %s says beyond agent, cutoff, boundary and counts.", exporter.AboutSheet)
	case Row:
		v.r.unprovenf("That the row follows from the record: that takes the whole record. What is shown is that the ledger has sealed it so.")
	}
	if v.Kind != Whole {
		v.r.unprovenf("That no earlier seal of that Friday stands in the record, which would count in place of this one: that takes the whole record.")
	}
	v.r.unprovenf("That what upstream systems have said is true, and that nothing was withheld before it was recorded.")
}

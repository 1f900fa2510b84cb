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

// Options contains what an auditor knows from other sources than the bundle. All
// fields are optional.
type Options struct {
	Key      string      // the ledger's public key, in the format of key.txt
	Head     []byte      // a tree head of the ledger that the auditor trusts, kept from before or signed by a witness
	Progress func(n int) // called with numbers of records as they are replayed
}

// Report says in sentences for people what was checked and what remains unproven.
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

func (r *Report) notProvenf(format string, args ...any) {
	r.NotProven = append(r.NotProven, fmt.Sprintf(format, args...))
}

// Verify checks a bundle and trusts nothing in it. It returns ErrMismatch if the
// evidence does not verify; the error names the first difference. Anything wrong
// with the contents of the folder is a mismatch. Other errors mean that the folder
// does not exist or cannot be read. With an error, the report contains what was
// checked before it.
func Verify(ctx context.Context, folder string, o Options) (*Report, error) {
	r := &Report{}
	err := verify(ctx, folder, o, r)
	_, unreadable := errors.AsType[*fs.PathError](err)
	if err != nil && !errors.Is(err, ErrMismatch) && !unreadable && ctx.Err() == nil {
		err = mismatchf("%w", err)
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
		err = v.verifyWhole(ctx)
	} else {
		err = v.verifyPart()
	}
	if (err == nil || errors.Is(err, ErrMismatch)) && b.damaged != nil {
		if err == nil {
			return b.damaged
		}
		return fmt.Errorf("%w; also: %w", err, b.damaged)
	}
	if err == nil {
		r.checkedf("Every file has the size and the SHA-256 that %s lists, and the folder contains no other file.", manifestFile)
		v.reportLimits()
	}
	return err
}

type verifier struct {
	*bundle
	options Options
	report  *Report
}

// verifyWhole checks a bundle with the whole journal: it derives everything again.
func (v *verifier) verifyWhole(ctx context.Context) error {
	open := func() (*os.File, error) { return v.root.Open(journalFile) }
	d, err := derive(ctx, open, Request{Kind: Whole, Agent: v.Agent, Friday: v.Friday, Progress: v.options.Progress})
	if errors.Is(err, checkpoint.ErrNoCheckpoint) {
		if short := v.checkLength(d); short != nil {
			return short
		}
	}
	switch {
	case errors.Is(err, checkpoint.ErrNoCheckpoint), errors.Is(err, book.ErrUnknownOwner):
		return mismatchf("the journal in %s has no such book: %v", journalFile, err)
	case err != nil:
		return err
	}
	if err := v.checkLedger(d.ledgerInfo, journalFile); err != nil {
		return err
	}
	v.report.checkedf("%s contains %d records without a gap, starting with the genesis of ledger %s. Each line is exactly what the ledger writes for its record.", journalFile, d.records, v.LedgerID)
	if err := v.checkSealAndHeads(d); err != nil {
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
	if err := v.checkExporter(exporter.Version); err != nil {
		return err
	}
	v.report.checkedf("The book of agent %s as of Friday %s was derived again from the journal. It has %d rows. All %d cells of the workbook match it.", v.Agent, v.Friday, c.Rows, c.Cells)
	v.report.checkedf("The workbook is byte for byte the file that exporter version %s writes.", exporter.Version)
	return nil
}

// checkSealAndHeads checks the statement of a bundle with the whole journal. It first
// compares the journal with the seals and heads in it, so that a difference is located
// in the narrowest range.
func (v *verifier) checkSealAndHeads(d *derivation) error {
	if err := d.checkClaims(); err != nil {
		return err
	}

	// The heads in the bundle must match the journal, and the seal must be under them.
	s, err := v.checkStatement(d.keys)
	if err != nil {
		return err
	}
	claims := []replay.Claim{claimOf("the head in "+headFile, s.head.Head)}
	if s.earlier.Size > 0 {
		claims = append(claims, claimOf("the head in "+earlierHeadFile, s.earlier.Head))
	}
	if err := d.checkClaims(claims...); err != nil {
		return err
	}
	if err := v.checkLength(d); err != nil {
		return err
	}

	// The files of the statement must be those that the journal makes, byte for byte.
	expected, err := d.makeStatement()
	if errors.Is(err, ErrNotSealed) {
		return mismatchf("%s ends with record %d, and lacks records from which %s and %s were made: %v", journalFile, d.records, sealFile, headFile, err)
	}
	if err != nil {
		return err
	}
	files, err := expected.files(d)
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
			return mismatchf("%s does not match the journal's seal of Friday %s", name, v.Friday)
		}
	}
	v.report.checkedf("The seal of Friday %s (record %d) was computed again from the journal up to the boundary (record %d). The journal's root, the root over the books of %d agents and all counts match.", v.Friday, s.sealRecord.Seq, s.seal.Boundary, s.agentProof.Agents)
	v.report.checkedf("The journal contains %d tree heads signed by the ledger's key. All of them match the journal.", expected.signedHeads)
	if err := v.checkKey(d.keys, s); err != nil {
		return err
	}
	return v.checkTrustedHead(d.keys, func(h treehead.Head) error {
		if h.Size > d.records {
			return mismatchf("the head given with --head covers %d records, and the journal in the bundle ends with record %d: later records are missing, or the bundle is older than the head", h.Size, d.records)
		}
		return d.checkClaims(claimOf("the head given with --head", h))
	})
}

// checkLength checks that the journal does not end before the head in the bundle. It
// does not check the head's signature.
func (v *verifier) checkLength(d *derivation) error {
	text, err := v.read(headFile)
	if err != nil {
		return err
	}
	h, err := treehead.OpenUnverified(text)
	switch {
	case err == nil && d.records == 0:
		return mismatchf("%s contains no record, and the head in %s covers %d", journalFile, headFile, h.Size)
	case err == nil && h.Size > d.records:
		return mismatchf("%s ends with record %d, and the head in %s covers %d records: the last %d are missing, or this is a journal with another history", journalFile, d.records, headFile, h.Size, h.Size-d.records)
	}
	return nil // other checks report a head that cannot be read
}

// verifyPart checks a bundle that does not contain the whole journal.
func (v *verifier) verifyPart() error {
	l, err := v.readLedger()
	if err != nil {
		return err
	}
	if err := v.checkLedger(l, recordsFile); err != nil {
		return err
	}
	s, err := v.checkStatement(l.keys)
	if err != nil {
		return err
	}
	caseRecords, n, err := v.checkRecords(s)
	if err != nil {
		return err
	}
	if v.Kind == Row {
		err = v.verifyRow(s)
	} else {
		err = v.verifyRecords(s, l.calendar, caseRecords, n)
	}
	if err != nil {
		return err
	}
	if err := v.checkKey(l.keys, s); err != nil {
		return err
	}
	return v.checkTrustedHead(l.keys, s.checkTrustedHead)
}

// verifyRecords checks the rows and the workbook of a bundle of kind Records, which
// contains n records. Those about cases are in caseRecords, by sequence.
func (v *verifier) verifyRecords(s *statement, calendar *events.Calendar, caseRecords map[uint64]caseRecord, n int) error {
	rows, err := v.checkRows(s, caseRecords)
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
		if err := v.checkExporter(w.exporterVersion()); err != nil {
			return err
		}
		return w.compareSealedFacts(s, calendar.Cutoff(v.Friday))
	})
	if err != nil {
		return err
	}
	v.report.checkedf("All %d records in %s are under the signed tree head: they were recorded and have not changed since.", n, recordsFile)
	v.report.checkedf("The root of the %d rows in %s, computed from their values and those records, is the sealed root of the book.", len(rows), rowsFile)
	v.report.checkedf("Every cell of the workbook matches those rows. The sheet %s shows the sealed agent, cutoff, boundary and counts.", exporter.AboutSheet)
	return nil
}

// verifyRow checks the row of a bundle of kind Row.
func (v *verifier) verifyRow(s *statement) error {
	p, err := v.checkRow(s)
	if err != nil {
		return err
	}
	if v.Exporter != "" {
		return mismatchf("%s names an exporter version, but the bundle has no workbook", manifestFile)
	}
	if p.Present != nil {
		var values []string
		for _, each := range p.Present.Values {
			values = append(values, each.Field+" "+quoted(each.Value))
		}
		v.report.checkedf("The row of %s is in the sealed book of agent %s as of Friday %s, with these values: %s.", p.describe(), v.Agent, v.Friday, strings.Join(values, ", "))
		return nil
	}
	v.report.checkedf("There is no row of %s in the sealed book of agent %s as of Friday %s: the place for it in the book's tree is empty.", p.describe(), v.Agent, v.Friday)
	v.report.notProvenf("It is not proven that the book has no other rows of case %s. This bundle proves the absence of one row, for one member and year.", p.CaseID)
	return nil
}

// checkLedger checks that the manifest names the ledger whose genesis is in the file,
// and that the README is the text that this release writes. Another text could tell
// the auditor to do something harmful.
func (v *verifier) checkLedger(l ledgerInfo, file string) error {
	if l.id != v.LedgerID {
		return mismatchf("%s names ledger %q, and the genesis in %s belongs to ledger %q", manifestFile, v.LedgerID, file, l.id)
	}
	text, err := v.read(readmeFile)
	if err != nil {
		return err
	}
	if !bytes.Equal(text, readme(v.manifest, l.calendar)) {
		return mismatchf("%s is not the text that this release writes for this bundle", readmeFile)
	}
	return nil
}

// checkExporter checks that the manifest and the workbook name the same exporter
// version, and that this release has it.
func (v *verifier) checkExporter(version string) error {
	if v.Exporter != version {
		return mismatchf("%s names exporter version %q, and the workbook names %q", manifestFile, v.Exporter, version)
	}
	return checkExporterVersion(version)
}

// checkKey checks that the auditor's key signed the head or is an earlier key of the
// ledger. It also reports what bundles of every kind prove.
func (v *verifier) checkKey(keys *treehead.Keys, s *statement) error {
	signers := keys.TextsUntil(s.head.Size)
	if v.options.Key != "" && !slices.Contains(signers, strings.TrimSpace(v.options.Key)) {
		return mismatchf("the key given with --key is not a key of the ledger that signed the head of %d records: the signing key is %s", s.head.Size, signers[len(signers)-1])
	}
	v.report.checkedf("The signed tree head of %d records is signed by the ledger's key at that time, %s. The seal and the journal up to the boundary are under that head.", s.head.Size, signers[len(signers)-1])
	if len(signers) > 1 {
		v.report.checkedf("Changes of the ledger's key since genesis: %d. Each was signed by the previous key.", len(signers)-1)
	}
	if s.earlier.Size > 0 {
		v.report.checkedf("The earlier tree head of %d records, signed by the ledger's key, belongs to the same history: none of those records has changed since.", s.earlier.Size)
	} else {
		v.report.notProvenf("The journal was not compared with a signed tree head of an earlier Friday: the bundle contains none.")
	}
	v.report.checkedf("The book of agent %s, with %d rows of %d cases, is under the seal's book root.", s.agentProof.Agent, s.agentProof.Rows, s.agentProof.Cases)
	if v.options.Key != "" {
		v.report.checkedf("The key that you gave signed the tree head, or is an earlier key of the ledger whose changes lead to the signing key.")
	} else {
		v.report.notProvenf("It is not proven that the key belongs to the ledger: the key comes from the bundle. Get the key from another source and give it with --key.")
	}
	return nil
}

// checkTrustedHead compares the auditor's trusted head with the bundle, using compare.
// The head counts even if the ledger's key did not sign it, because the auditor trusts
// it and perhaps only a witness signed it. The report says whether the key did.
func (v *verifier) checkTrustedHead(keys *treehead.Keys, compare func(treehead.Head) error) error {
	if v.options.Head == nil {
		v.report.notProvenf("It is not proven that others were shown the same history. To compare, give with --head the file %s of an earlier bundle, or a tree head of this ledger that a witness signed.", headFile)
		return nil
	}
	h, signed, err := openTrustedHead(v.options.Head, keys)
	if err != nil {
		return mismatchf("the head given with --head: %v", err)
	}
	if err := compare(h); err != nil {
		if !signed {
			err = fmt.Errorf("%w; the ledger's key did not sign the head given with --head, so only those who trust the head's source can conclude that there was a fork", err)
		}
		return err
	}
	v.report.checkedf("The tree head of %d records that you gave belongs to the same history.", h.Size)
	if !signed {
		v.report.notProvenf("It is not proven that the ledger's key signed the tree head that you gave: the head carries no signature of that key. It was compared because you trust it.")
	}
	return nil
}

// openTrustedHead opens the auditor's trusted head and reports whether the ledger's
// key signed it. It refuses a head with a wrong signature of that key: somebody
// changed that head.
func openTrustedHead(text []byte, keys *treehead.Keys) (h treehead.Head, signed bool, err error) {
	h, err = keys.Open(text)
	_, invalid := errors.AsType[*note.InvalidSignatureError](err)
	if err == nil || invalid || !errors.Is(err, treehead.ErrUnsigned) {
		return h, err == nil, err
	}
	if h, err = treehead.OpenUnverified(text); err == nil && h.Origin != keys.Origin() {
		err = fmt.Errorf("%w: %q instead of %q", treehead.ErrOrigin, h.Origin, keys.Origin())
	}
	return h, false, err
}

// reportLimits reports what no bundle of this kind can prove.
func (v *verifier) reportLimits() {
	switch v.Kind {
	case Whole:
		v.report.notProvenf("It is not proven that records after the signed tree head are unchanged or complete. A bundle of a later Friday proves that.")
	case Records:
		v.report.notProvenf("It is not proven that the bundle contains all records about these cases, or that the rows follow from the records by the ledger's rules. A bundle with the whole journal proves both.")
		v.report.notProvenf("The bytes of the workbook are not proven: how it displays its cells, the order of its rows, and what its sheet %s says besides agent, cutoff, boundary and counts.", exporter.AboutSheet)
	case Row:
		v.report.notProvenf("This bundle proves what the ledger sealed, not that the sealed row, or its absence, follows from the journal. A bundle with the whole journal proves both.")
	}
	if v.Kind != Whole {
		v.report.notProvenf("It is not proven that this is the first seal of that Friday in the journal. An earlier one would count instead. A bundle with the whole journal shows whether there is one.")
	}
	v.report.notProvenf("It is not proven that what upstream systems reported is true, or that nothing was withheld before it was recorded.")
}

package proof

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
)

// inclusion is a record's inclusion proof under the signed tree head: a line of
// pathsFile.
type inclusion struct {
	Seq  uint64        `json:"seq"`
	Path []merkle.Hash `json:"path"`
}

// writeRecords writes recordsFile and pathsFile: genesis, the key changes and, for
// kind Records, the records about the book's cases, each with its inclusion proof
// in the journal's tree of that size. The lines lack the recorded time, because no
// hash covers it: it follows from all records before.
func (d *derivation) writeRecords(ctx context.Context, to *bundleWriter, size uint64) error {
	seqs := slices.DeleteFunc(slices.Clone(d.keyRecords), func(seq uint64) bool { return seq > size })
	for i := range d.book.Rows {
		for _, seq := range d.caseRecords[d.book.Rows[i].CaseID] {
			if seq <= d.friday.Boundary {
				seqs = append(seqs, seq)
			}
		}
	}
	slices.Sort(seqs)
	f, err := os.Open(d.request.Journal)
	if err != nil {
		return fmt.Errorf("reading the dump: %w", err)
	}
	defer f.Close()
	dump := newLineReader("the dump", f) // line n is record n
	var paths bytes.Buffer
	err = to.writeFile(recordsFile, func(w io.Writer) error {
		for _, seq := range slices.Compact(seqs) {
			var text []byte
			for uint64(dump.n) < seq {
				var err error
				if text, err = dump.next(); err != nil {
					return fmt.Errorf("reading record %d again: %w", seq, err)
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			line, err := record.ParseLine(text)
			if err != nil {
				return err
			}
			path, err := d.InclusionProof(seq, size)
			if err != nil {
				return err
			}
			paths.Write(encodeLine(inclusion{seq, path}))
			if _, err := w.Write(line.AppendLine(nil, time.Time{})); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return to.writeText(pathsFile, paths.Bytes())
}

// eachRecord calls yield with each record of the bundle and its inclusion proof.
func (b *bundle) eachRecord(yield func(r *record.Record, path []merkle.Hash) error) error {
	records, err := b.openLines(recordsFile)
	if err != nil {
		return err
	}
	defer records.Close()
	paths, err := b.openLines(pathsFile)
	if err != nil {
		return err
	}
	defer paths.Close()
	last := uint64(0)
	for {
		r, err := records.nextRecord()
		p, pathErr := nextJSON[inclusion](paths)
		switch {
		case err != nil && err != io.EOF:
			return err
		case pathErr != nil && pathErr != io.EOF:
			return pathErr
		case err == io.EOF && pathErr == io.EOF:
			return nil
		case err == io.EOF || pathErr == io.EOF:
			return mismatchf("%s and %s have different numbers of lines", recordsFile, pathsFile)
		case r.Seq <= last:
			return mismatchf("%s: line %d: record %d comes after record %d", recordsFile, records.n, r.Seq, last)
		case p.Seq != r.Seq:
			return mismatchf("%s: line %d is the proof of record %d instead of %d", pathsFile, paths.n, p.Seq, r.Seq)
		}
		last = r.Seq
		if err := yield(&r, p.Path); err != nil {
			return err
		}
	}
}

// readLedger reads genesis and the key changes from recordsFile. It does not check
// that they were recorded: checkRecords does, under the head that the keys open.
func (b *bundle) readLedger() (l ledgerInfo, err error) {
	var checker events.Checker
	err = b.eachRecord(func(r *record.Record, _ []merkle.Hash) error {
		if r.Seq > 1 && l.keys != nil && r.Subject != events.SubjectSeal {
			return nil
		}
		checked := checker.Check(r.Subject, r.Body)
		if r.Seq == 1 {
			return l.readGenesis(&checked)
		}
		if l.keys == nil {
			return mismatchf("%s does not begin with record 1, the genesis of the ledger", recordsFile)
		}
		data, ok := checked.Event.Data.(*events.SealKeyChanged)
		if checked.Rejection() != nil || !ok {
			return nil
		}
		l.keys.Change(r.Seq, []byte(data.Note))
		return nil
	})
	if err == nil && l.keys == nil {
		err = mismatchf("%s contains no record", recordsFile)
	}
	return l, err
}

func (l *ledgerInfo) readGenesis(c *events.Checked) (err error) {
	genesis, ok := c.Event.Data.(*events.Genesis)
	if !ok || c.Rejection() != nil {
		return mismatchf("record 1 in %s is not a genesis", recordsFile)
	}
	l.id = genesis.LedgerID
	if l.calendar, err = events.NewCalendar(genesis.Calendar); err == nil {
		l.keys, err = treehead.NewKeys(genesis.LedgerID, genesis.SealKey)
	}
	if err != nil {
		return mismatchf("the genesis in %s: %v", recordsFile, err)
	}
	return nil
}

// caseRecord is a record about a case. The salts of the case's rows depend on the
// seed of the record that changed the case last.
type caseRecord struct {
	caseID string
	seed   merkle.Hash
}

// checkRecords checks that each record of the bundle is under the signed tree head.
// It returns the number of records, and by sequence those about cases up to the
// boundary.
func (b *bundle) checkRecords(s *statement) (caseRecords map[uint64]caseRecord, n int, err error) {
	caseRecords = map[uint64]caseRecord{}
	var decoder record.Decoder
	err = b.eachRecord(func(r *record.Record, path []merkle.Hash) error {
		n++
		d := decoder.Decode(*r)
		if err := merkle.CheckInclusion(path, d.Seq, d.Leaf, s.head.Size, s.head.Root); err != nil {
			return mismatchf("record %d in %s is not as it was recorded: %v", d.Seq, recordsFile, err)
		}
		if d.CaseID != "" && d.Seq <= uint64(s.seal.Boundary) {
			caseRecords[d.Seq] = caseRecord{d.CaseID, d.Seed()}
		}
		return nil
	})
	return caseRecords, n, err
}

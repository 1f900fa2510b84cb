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

// inclusion is the path of a record to the root of the signed head, as a line
// of a bundle.
type inclusion struct {
	Seq  uint64        `json:"seq"`
	Path []merkle.Hash `json:"path"`
}

// writeRecords writes, out of a record of that size, genesis and the changes of
// the key, the records about the cases of the book, if they are asked for, and
// the path of each. Lines are without the recorded time, which follows from all
// records and is under no hash by itself.
func (d *derivation) writeRecords(ctx context.Context, to *folder, size uint64) error {
	wanted := slices.DeleteFunc(slices.Clone(d.keyed), func(seq uint64) bool { return seq > size })
	for i := range d.book.Rows {
		for _, seq := range d.cases[d.book.Rows[i].CaseID] {
			if seq <= d.friday.Boundary {
				wanted = append(wanted, seq)
			}
		}
	}
	slices.Sort(wanted)
	f, err := os.Open(d.q.Journal)
	if err != nil {
		return fmt.Errorf("reading the dump: %w", err)
	}
	defer f.Close()
	dump := newLineReader("the dump", f) // in which each record stands on the line of its sequence
	var paths bytes.Buffer
	err = to.write(recordsFile, func(w io.Writer) error {
		for _, seq := range slices.Compact(wanted) {
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

// eachRecord calls yield with every record of the bundle and its path.
func (b *bundle) eachRecord(yield func(r *record.Record, path []merkle.Hash) error) error {
	records, err := b.lines(recordsFile)
	if err != nil {
		return err
	}
	defer records.Close()
	paths, err := b.lines(pathsFile)
	if err != nil {
		return err
	}
	defer paths.Close()
	last := uint64(0)
	for {
		r, err := records.nextRecord()
		p, pathErr := nextOf[inclusion](paths)
		switch {
		case err != nil && err != io.EOF:
			return err
		case pathErr != nil && pathErr != io.EOF:
			return pathErr
		case err == io.EOF && pathErr == io.EOF:
			return nil
		case err == io.EOF || pathErr == io.EOF:
			return differs("%s and %s do not have equally many lines", recordsFile, pathsFile)
		case r.Seq <= last:
			return differs("%s: line %d: record %d stands after record %d", recordsFile, records.n, r.Seq, last)
		case p.Seq != r.Seq:
			return differs("%s: line %d is the path of record %d, and must be that of %d", pathsFile, paths.n, p.Seq, r.Seq)
		}
		last = r.Seq
		if err := yield(&r, p.Path); err != nil {
			return err
		}
	}
}

// readLedger reads genesis and the changes of the key. That these were recorded
// is for checkRecords to see, under the head that the keys lead to.
func (b *bundle) readLedger() (l identity, err error) {
	var checker events.Checker
	err = b.eachRecord(func(r *record.Record, _ []merkle.Hash) error {
		if r.Seq > 1 && l.keys != nil && r.Subject != events.SubjectSeal {
			return nil
		}
		checked := checker.Check(r.Subject, r.Body)
		if r.Seq == 1 {
			return l.begin(&checked)
		}
		if l.keys == nil {
			return differs("%s does not begin with record 1, the genesis of the ledger", recordsFile)
		}
		data, ok := checked.Event.Data.(*events.SealKeyChanged)
		if checked.Rejection() != nil || !ok {
			return nil
		}
		l.keys.Change(r.Seq, []byte(data.Note))
		return nil
	})
	if err == nil && l.keys == nil {
		err = differs("%s holds no record", recordsFile)
	}
	return l, err
}

func (l *identity) begin(c *events.Checked) (err error) {
	genesis, ok := c.Event.Data.(*events.Genesis)
	if !ok || c.Rejection() != nil {
		return differs("record 1 in %s is no genesis", recordsFile)
	}
	l.id = genesis.LedgerID
	if l.calendar, err = events.NewCalendar(genesis.Calendar); err == nil {
		l.keys, err = treehead.NewKeys(genesis.LedgerID, genesis.SealKey)
	}
	if err != nil {
		return differs("the genesis in %s: %v", recordsFile, err)
	}
	return nil
}

// recorded is a record about a case, from which the salts of its rows may come.
type recorded struct {
	caseID string
	seed   merkle.Hash
}

// checkRecords checks that each of the n records of the bundle is under the
// signed head, and returns those about cases.
func (b *bundle) checkRecords(s *statement) (of map[uint64]recorded, n int, err error) {
	of = map[uint64]recorded{}
	var decoder record.Decoder
	err = b.eachRecord(func(r *record.Record, path []merkle.Hash) error {
		n++
		d := decoder.Decode(*r)
		if err := merkle.CheckInclusion(path, d.Seq, d.Leaf, s.head.Size, s.head.Root); err != nil {
			return differs("record %d in %s is not the one that was recorded: %v", d.Seq, recordsFile, err)
		}
		if d.CaseID != "" && d.Seq <= uint64(s.seal.Boundary) {
			of[d.Seq] = recorded{d.CaseID, d.Seed()}
		}
		return nil
	})
	return of, n, err
}

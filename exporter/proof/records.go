package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// writeRecords writes records, in the order of their sequences, and the path
// of each. Lines are without the recorded time, which follows from all records
// and is under no hash by itself.
func (d *derivation) writeRecords(to *folder, size uint64, each func(yield func(*record.Record) error) error) error {
	var paths bytes.Buffer
	err := to.write(recordsFile, func(w io.Writer) error {
		return each(func(r *record.Record) error {
			path, err := d.Inclusion(r.Seq, size)
			if err != nil {
				return err
			}
			line, err := json.Marshal(inclusion{r.Seq, append([]merkle.Hash{}, path...)})
			if err != nil {
				return err
			}
			paths.Write(append(line, '\n'))
			_, err = w.Write(r.AppendLine(nil, time.Time{}))
			return err
		})
	})
	if err != nil {
		return err
	}
	return to.write(pathsFile, func(w io.Writer) error {
		_, err := paths.WriteTo(w)
		return err
	})
}

// lineReader reads files of a bundle line by line, each of which must end.
type lineReader struct {
	name  string
	file  io.ReadCloser
	lines *record.Reader
	n     int
	bytes int64
	size  int64
}

func (b *bundle) lines(name string) (*lineReader, error) {
	f, err := b.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &lineReader{name: name, file: f, lines: record.NewReader(f), size: info.Size()}, nil
}

// next returns the next line without its end; io.EOF after the last one.
func (l *lineReader) next() ([]byte, error) {
	text, number, err := l.lines.NextRaw()
	if err == io.EOF {
		if l.bytes != l.size {
			return nil, differs("%s ends within a line, or with blank ones", l.name)
		}
		return nil, io.EOF
	}
	if _, bad := errors.AsType[*record.LineError](err); bad {
		return nil, differs("%s: %v", l.name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.name, err)
	}
	l.n++
	l.bytes += int64(len(text)) + 1
	if number != l.n {
		return nil, differs("%s: line %d is blank", l.name, l.n)
	}
	return text, nil
}

// nextOf reads the next line as JSON, in the one spelling that it has.
func nextOf[T any](l *lineReader) (v T, err error) {
	text, err := l.next()
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return v, differs("%s: line %d cannot be read: %v", l.name, l.n, err)
	}
	again, err := json.Marshal(v)
	if err != nil || !bytes.Equal(again, text) {
		return v, differs("%s: line %d is written otherwise than it must be", l.name, l.n)
	}
	return v, nil
}

// nextRecord reads the next line as a record without a recorded time.
func nextRecord(l *lineReader) (r record.Record, err error) {
	text, err := l.next()
	if err != nil {
		return r, err
	}
	line, err := record.ParseLine(text)
	if err != nil {
		return r, differs("%s: line %d: %v", l.name, l.n, err)
	}
	again := bytes.TrimSuffix(line.AppendLine(nil, time.Time{}), []byte("\n"))
	if at := firstDifference(text, again); at >= 0 {
		return r, differs("%s: line %d is not written as the ledger writes it: from byte %d on it has %q, and must have %q", l.name, l.n, at+1, around(text, at), around(again, at))
	}
	return line.Record, nil
}

// eachRecord calls yield with every record of the bundle and its path.
func (b *bundle) eachRecord(yield func(r record.Record, path []merkle.Hash) error) error {
	records, err := b.lines(recordsFile)
	if err != nil {
		return err
	}
	defer records.file.Close()
	paths, err := b.lines(pathsFile)
	if err != nil {
		return err
	}
	defer paths.file.Close()
	last := uint64(0)
	for {
		r, err := nextRecord(records)
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
		if err := yield(r, p.Path); err != nil {
			return err
		}
	}
}

// ground is what a bundle that has not the whole record stands on.
type ground struct {
	ledgerID string
	calendar *events.Calendar
	keys     *treehead.Keys
}

// ground reads genesis and the changes of the key. That these were recorded is
// for checkRecords to see, under the head that the keys lead to.
func (b *bundle) ground() (g ground, err error) {
	var checker events.Checker
	err = b.eachRecord(func(r record.Record, _ []merkle.Hash) error {
		if r.Seq > 1 && g.keys != nil && r.Subject != events.SubjectSeal {
			return nil
		}
		checked := checker.Check(r.Subject, r.Body)
		if r.Seq == 1 {
			return g.begin(&checked)
		}
		if g.keys == nil {
			return differs("%s does not begin with record 1, the genesis of the ledger", recordsFile)
		}
		data, ok := checked.Event.Data.(*events.SealKeyChanged)
		if checked.Rejection() != nil || !ok {
			return nil
		}
		// One that the key before it has not signed changes nothing.
		if err := g.keys.Change(r.Seq, []byte(data.Note)); err != nil && !errors.Is(err, treehead.ErrHandOver) {
			return differs("%v", err)
		}
		return nil
	})
	if err == nil && g.keys == nil {
		err = differs("%s holds no record", recordsFile)
	}
	return g, err
}

func (g *ground) begin(c *events.Checked) (err error) {
	genesis, ok := c.Event.Data.(*events.Genesis)
	if !ok || c.Rejection() != nil {
		return differs("record 1 in %s is no genesis", recordsFile)
	}
	g.ledgerID = genesis.LedgerID
	if g.calendar, err = events.NewCalendar(genesis.Calendar); err == nil {
		g.keys, err = treehead.NewKeys(genesis.LedgerID, genesis.SealKey)
	}
	if err != nil {
		return differs("the genesis in %s: %v", recordsFile, err)
	}
	return nil
}

// checkRecords checks that each record of the bundle is under the signed head.
func (b *bundle) checkRecords(h treehead.Head, yield func(*record.Decoded)) (n int, err error) {
	var decoder record.Decoder
	err = b.eachRecord(func(r record.Record, path []merkle.Hash) error {
		d := decoder.Decode(r)
		if err := merkle.CheckInclusion(path, d.Seq, d.Leaf, h.Size, h.Root); err != nil {
			return differs("record %d in %s is not the one that was recorded: %v", d.Seq, recordsFile, err)
		}
		n++
		if yield != nil {
			yield(&d)
		}
		return nil
	})
	return n, err
}

package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// derivation is what follows from a dump of the whole record.
type derivation struct {
	*replay.Replay
	keys    *treehead.Keys
	records uint64
	rules   int

	friday   checkpoint.Checkpoint
	agents   *checkpoint.Agents
	book     *book.Book
	treeRoot merkle.Hash // at the boundary

	sealRecord record.Record          // of the Friday's seal, where it is sealed
	keyRecords []record.Record        // genesis, and the changes of the key
	signed     []checkpoint.Signature // of all Fridays
	cases      map[string][]uint64    // the records about each case up to the boundary, where they are asked for
}

// question is what is derived.
type question struct {
	agent    string
	friday   events.Date
	cases    bool
	progress func(n int)
}

// errFork is of a head that the ledger's key has signed and that is not one of
// this record.
var errFork = errors.New("history was forked or rewritten")

// derive replays a dump, which open opens. Each of its lines must be the one
// that the ledger writes for the record. It returns ErrDiffers where the dump
// is none of a whole ledger, and an error of package book or checkpoint where
// there is no such agent or Friday; in the latter case also how far it came.
func derive(ctx context.Context, open func() (fs.File, error), q question) (*derivation, error) {
	dump, err := open()
	if err != nil {
		return nil, fmt.Errorf("reading the dump: %w", err)
	}
	defer dump.Close()
	again, err := open()
	if err != nil {
		return nil, fmt.Errorf("reading the dump: %w", err)
	}
	defer again.Close()
	d := &derivation{Replay: replay.New(), cases: map[string][]uint64{}}
	lines := &lineCheck{lines: record.NewReader(again)}
	var failed error // of what is derived rather than of the dump
	d.OnCheckpoint(func(f checkpoint.Checkpoint) error {
		if f.Friday == q.friday {
			failed = d.take(ctx, f, q)
		}
		return failed
	})
	d.OnJudged(func(rec *record.Decoded, v replay.Verdict) error {
		if failed = lines.check(&rec.Record, v); failed == nil {
			d.note(rec, v, q)
		}
		return failed
	})
	read := &erring{r: dump}
	if err := d.Dump(ctx, read, q.progress); err != nil {
		switch {
		case failed != nil:
			return nil, failed
		case ctx.Err() != nil, read.failed != nil:
			return nil, err
		}
		return nil, differs("%v", err)
	}
	if d.friday.Friday == 0 {
		_, err := d.Checkpoint(q.friday)
		return d, err
	}
	return d, d.finish(dump, lines)
}

// erring keeps an error of reading apart from what is wrong with what is read.
type erring struct {
	r      io.Reader
	failed error
}

func (e *erring) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && err != io.EOF {
		e.failed = err
	}
	return n, err
}

// take keeps what is derived as of the Friday.
func (d *derivation) take(ctx context.Context, f checkpoint.Checkpoint, q question) (err error) {
	d.friday = f
	if d.agents, err = checkpoint.AgentsOf(ctx, d.State(), d.Calendar(), f.Week, runtime.GOMAXPROCS(0)); err != nil {
		return err
	}
	if d.book, err = book.ForAgent(ctx, d.State(), d.Calendar(), f.Week, q.agent); err != nil {
		return err
	}
	d.treeRoot, err = d.TreeRoot(f.Boundary)
	return err
}

// note keeps what is needed of a record.
func (d *derivation) note(rec *record.Decoded, v replay.Verdict, q question) {
	d.records = rec.Seq
	if q.cases && d.book == nil && rec.CaseID != "" {
		d.cases[rec.CaseID] = append(d.cases[rec.CaseID], rec.Seq)
	}
	if v.Outcome != record.Applied && v.Outcome != record.Unchanged {
		return
	}
	switch data := rec.Event.Data.(type) {
	case *events.Genesis:
		d.rules, d.keyRecords = data.Rules, append(d.keyRecords, rec.Record)
	case *events.SealKeyChanged:
		d.keyRecords = append(d.keyRecords, rec.Record)
	case *events.Sealed:
		if data.Friday == q.friday && d.sealRecord.Seq == 0 { // the first stands
			d.sealRecord = rec.Record
		}
	case *events.SealSigned:
		d.signed = append(d.signed, checkpoint.Signature{Seq: rec.Seq, SealSigned: *data})
	}
}

// finish checks what only the whole dump shows.
func (d *derivation) finish(dump fs.File, lines *lineCheck) (err error) {
	info, err := dump.Stat()
	if err != nil {
		return fmt.Errorf("reading the dump: %w", err)
	}
	if info.Size() != lines.bytes {
		return differs("the dump has %d bytes, and its %d records make %d: its last line is cut off, or there is a blank line", info.Size(), lines.n, lines.bytes)
	}
	if d.LedgerID() == "" {
		return differs("the dump does not begin with the genesis of a ledger, so that there is no key with which to check anything; a history file is no dump")
	}
	if d.keys, err = d.Keys(); err != nil {
		return differs("%v", err)
	}
	return nil
}

// lineCheck compares each line of a dump with the one that the ledger writes.
type lineCheck struct {
	lines  *record.Reader
	n      int
	bytes  int64
	buffer []byte
}

func (l *lineCheck) check(rec *record.Record, v replay.Verdict) error {
	l.n++
	l.buffer = rec.AppendLine(l.buffer[:0], v.Recorded)
	l.bytes += int64(len(l.buffer))
	have, number, err := l.lines.NextRaw()
	if err != nil {
		return fmt.Errorf("reading the dump: %w", err)
	}
	if number != l.n {
		return differs("line %d of the dump is blank", l.n)
	}
	want := bytes.TrimSuffix(l.buffer, []byte("\n"))
	if at := firstDifference(have, want); at >= 0 {
		return differs("line %d of the dump is not what the ledger writes for that record: from byte %d on it has %q, and must have %q", l.n, at+1, around(have, at), around(want, at))
	}
	return nil
}

// firstDifference returns where two texts differ first, or -1.
func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return n
	}
	return -1
}

// around returns some bytes from there on.
func around(text []byte, at int) []byte { return text[min(at, len(text)):min(at+40, len(text))] }

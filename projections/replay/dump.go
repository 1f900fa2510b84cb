package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/internal/pipeline"
)

// ErrInvalidDump is returned for a dump that is not a ledger's journal: a line
// cannot be read, or a record cannot follow the ones before it. The wrapping
// error's text names the line or the record.
var ErrInvalidDump = errors.New("the dump is not a ledger's journal")

// wrappedError is an error that keeps its own text and also matches a sentinel.
type wrappedError struct {
	error
	sentinel error
}

func (m wrappedError) Is(target error) bool { return target == m.sentinel }
func (m wrappedError) Unwrap() error        { return m.error }

// Dump replays the records of an NDJSON dump up to its end, or up to the moment
// set with StopAt. An error is ErrInvalidDump if the dump is wrong, and
// otherwise comes from reading it.
//
// A line without a stamp takes its recorded time. A line without a sequence
// follows the line before. So a history file can be replayed as it is.
// progress, if not nil, is called from time to time with the number of records
// applied since the last call.
func (r *Replay) Dump(ctx context.Context, dump io.Reader, progress func(n int)) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		err := pipeline.Run(ctx, func(_ context.Context, yield func(lineBatch) error) error {
			return readBatches(record.NewReader(dump), yield)
		}, newParser, func(parts iter.Seq[recordBatch], _ func() bool) error {
			for p := range parts {
				if more, err := r.replayBatch(&p, yield); err != nil || !more {
					return err
				}
				if progress != nil {
					progress(len(p.records))
				}
				if p.err != nil {
					return r.unreadableError(&p)
				}
			}
			return nil
		})
		if err != nil {
			yield(Step{}, err)
		}
	}
}

// replayBatch replays one batch of a dump.
func (r *Replay) replayBatch(p *recordBatch, yield func(Step, error) bool) (more bool, err error) {
	for i := range p.records {
		d := &p.records[i]
		if d.Seq == 0 {
			d.Seq = r.processor.Position + 1
			d.Leaf = d.LeafHash()
		}
		if more, err := r.process(d, yield); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// LineWriter writes the records of a journal as the lines of a dump. It needs
// all records, in order.
type LineWriter struct {
	replay   *Replay
	timeline record.Timeline
}

// Append appends the lines of the next records to to.
func (l *LineWriter) Append(to []byte, records []record.Record) ([]byte, error) {
	if l.replay == nil {
		l.replay = New()
	}
	for i := range records {
		if l.timeline.Closed { // from here on recorded times do not depend on whether records are applied
			l.timeline.Advance(&records[i], "", record.Rejected)
			to = records[i].AppendLine(to, l.timeline.Last)
			continue
		}
		for step, err := range l.replay.Steps(records[i]) {
			if err != nil {
				return to, err
			}
			if step.Record != nil {
				to = step.Record.AppendLine(to, step.Recorded)
			}
		}
		l.timeline = l.replay.processor.Timeline
	}
	return to, nil
}

// lineBatch is a batch of unparsed lines.
type lineBatch struct {
	text   []byte
	spans  []lineSpan
	cutOff bool // the last line is the end of the dump and has no newline
}

type lineSpan struct{ number, begin, end int }

// recordBatch is a parsed lineBatch.
type recordBatch struct {
	records []record.Decoded
	err     error // of the line after the last record
	cutOff  bool  // that line is the end of the dump and has no newline
}

// A batch is complete at batchBytes. spareBytes is room for the end of its last
// line, and batchLines is a typical number of lines.
const (
	batchBytes = 256 << 10
	spareBytes = 8 << 10
	batchLines = 640
)

func newLineBatch() lineBatch {
	return lineBatch{text: make([]byte, 0, batchBytes+spareBytes), spans: make([]lineSpan, 0, batchLines)}
}

// readBatches reads lines and yields them in batches.
func readBatches(reader *record.Reader, yield func(lineBatch) error) error {
	l := newLineBatch()
	for {
		line, number, err := reader.NextRaw()
		if err == io.EOF {
			return yield(l)
		}
		if err != nil {
			err = fmt.Errorf("reading the dump: %w", err)
			if _, ofLine := errors.AsType[*record.LineError](err); ofLine {
				err = wrappedError{err, ErrInvalidDump}
			}
			return errors.Join(err, yield(l))
		}
		l.cutOff = reader.Truncated()
		begin := len(l.text)
		l.text = append(l.text, line...)
		l.spans = append(l.spans, lineSpan{number, begin, len(l.text)})
		if len(l.text) >= batchBytes {
			if err := yield(l); err != nil {
				return err
			}
			l = newLineBatch()
		}
	}
}

// newParser returns a function that parses a batch. The function is not safe
// for concurrent use.
func newParser() func(lineBatch) recordBatch {
	var decoder record.Decoder
	return func(l lineBatch) recordBatch {
		p := recordBatch{records: make([]record.Decoded, 0, len(l.spans))}
		for i, n := range l.spans {
			line, err := record.ParseLine(l.text[n.begin:n.end])
			if err == nil && line.Stamped.IsZero() {
				err = completeHistoryLine(&line, &decoder)
			}
			if err != nil {
				p.err = &record.LineError{Number: n.number, Err: err}
				p.cutOff = l.cutOff && i == len(l.spans)-1
				break
			}
			p.records = append(p.records, decoder.Decode(line.Record))
		}
		return p
	}
}

// completeHistoryLine sets the stamp, the subject and the header that a line of
// a history file would get in a history load.
func completeHistoryLine(l *record.Line, decoder *record.Decoder) error {
	if l.Recorded.IsZero() {
		return errors.New(`the line has neither "stamped" nor "recorded"`)
	}
	l.Stamped = l.Recorded
	if l.Subject == "" {
		l.Subject = events.HistorySubject(decoder.Decode(l.Record).Event.Source)
	}
	if events.IsHistory(l.Subject) && l.Header == "" {
		l.Header = l.Recorded.UTC().Format(time.RFC3339Nano)
	}
	return nil
}

// unreadableError returns the error for the line at which a batch ends, with
// its record.
func (r *Replay) unreadableError(p *recordBatch) error {
	seq := r.processor.Position + 1
	if p.cutOff {
		return wrappedError{fmt.Errorf("the dump ends in the middle of record %d's line: %w", seq, p.err), ErrInvalidDump}
	}
	return wrappedError{fmt.Errorf("reading record %d of the dump: %w", seq, p.err), ErrInvalidDump}
}

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

// ErrInvalidDump is returned for a dump that is not the record of a ledger: a line
// cannot be read, or a record does not follow from those before it. The text of
// the error that wraps it names the line or the record.
var ErrInvalidDump = errors.New("the dump is not the record of a ledger")

// marked is an error with its own text that is also another.
type marked struct {
	error
	is error
}

func (m marked) Is(target error) bool { return target == m.is }
func (m marked) Unwrap() error        { return m.error }

// Dump replays the records of an NDJSON dump until its end or the end that was
// set. The error is ErrBroken for what is wrong with the dump; others are of
// reading it. A line without a stamp is taken at its recorded time, one without
// a sequence follows the one before, so that a history file can be replayed as it
// is. progress, if it is not nil, is called now and then with the number of
// records applied since the last call.
func (r *Replay) Dump(ctx context.Context, dump io.Reader, progress func(n int)) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		err := pipeline.Run(ctx, func(_ context.Context, yield func(lines) error) error {
			return cut(record.NewReader(dump), yield)
		}, newParser, func(parts iter.Seq[part], _ func() bool) error {
			for p := range parts {
				if more, err := r.part(&p, yield); err != nil || !more {
					return err
				}
				if progress != nil {
					progress(len(p.records))
				}
				if p.err != nil {
					return r.unreadable(&p)
				}
			}
			return nil
		})
		if err != nil {
			yield(Step{}, err)
		}
	}
}

// part replays the records of a part of a dump.
func (r *Replay) part(p *part, yield func(Step, error) bool) (more bool, err error) {
	for i := range p.records {
		d := &p.records[i]
		if d.Seq == 0 {
			d.Seq = r.processor.Position + 1
			d.Leaf = d.LeafHash()
		}
		if more, err := r.judge(d, yield); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// LineWriter makes the lines of a dump from all records of a journal, in their order.
type LineWriter struct {
	replay   *Replay
	timeline record.Timeline
}

// Append appends the lines of the records that follow.
func (l *LineWriter) Append(to []byte, records []record.Record) ([]byte, error) {
	if l.replay == nil {
		l.replay = New()
	}
	for i := range records {
		if l.timeline.Closed { // from then on each record has its recorded time, whatever becomes of it
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

// lines are some lines of a dump on their way.
type lines struct {
	text   []byte
	each   []numbered
	cutOff bool // the last line ends with the dump, without a newline
}

type numbered struct{ number, begin, end int }

// part is what lines were parsed to.
type part struct {
	records []record.Decoded
	err     error // of the line after the last record
	cutOff  bool  // which ends with the dump, without a newline
}

// Lines are handed out once they have partBytes; lineBytes is room for what the
// last one has beyond, and partLines for their number, mostly.
const (
	partBytes = 256 << 10
	lineBytes = 8 << 10
	partLines = 640
)

func newLines() lines {
	return lines{text: make([]byte, 0, partBytes+lineBytes), each: make([]numbered, 0, partLines)}
}

// cut reads lines and hands them out many at a time.
func cut(reader *record.Reader, yield func(lines) error) error {
	l := newLines()
	for {
		line, number, err := reader.NextRaw()
		if err == io.EOF {
			return yield(l)
		}
		if err != nil {
			err = fmt.Errorf("reading the dump: %w", err)
			if _, ofLine := errors.AsType[*record.LineError](err); ofLine {
				err = marked{err, ErrInvalidDump}
			}
			return errors.Join(err, yield(l))
		}
		l.cutOff = reader.Truncated()
		begin := len(l.text)
		l.text = append(l.text, line...)
		l.each = append(l.each, numbered{number, begin, len(l.text)})
		if len(l.text) >= partBytes {
			if err := yield(l); err != nil {
				return err
			}
			l = newLines()
		}
	}
}

// newParser makes a function that parses lines.
func newParser() func(lines) part {
	var decoder record.Decoder
	return func(l lines) part {
		p := part{records: make([]record.Decoded, 0, len(l.each))}
		for i, n := range l.each {
			line, err := record.ParseLine(l.text[n.begin:n.end])
			if err == nil && line.Stamped.IsZero() {
				err = place(&line, &decoder)
			}
			if err != nil {
				p.err = &record.LineError{Number: n.number, Err: err}
				p.cutOff = l.cutOff && i == len(l.each)-1
				break
			}
			p.records = append(p.records, decoder.Decode(line.Record))
		}
		return p
	}
}

// place gives a line of a history file the stamp, the subject and the header
// under which the history load would put it.
func place(l *record.Line, decoder *record.Decoder) error {
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

// unreadable says which record a part breaks off at.
func (r *Replay) unreadable(p *part) error {
	seq := r.processor.Position + 1
	if p.cutOff {
		return marked{fmt.Errorf("the dump ends in the middle of record %d's line: %w", seq, p.err), ErrInvalidDump}
	}
	return marked{fmt.Errorf("reading record %d of the dump: %w", seq, p.err), ErrInvalidDump}
}

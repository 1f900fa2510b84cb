package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"bookledger/events"
	"bookledger/events/record"
)

// ErrBroken is of a dump that is not the record of a ledger: a line cannot be
// read, or a record does not follow from those before it. The text of the error
// that wraps it names the line or the record.
var ErrBroken = errors.New("the dump is not the record of a ledger")

// broken makes an error one of ErrBroken, with its own text.
type broken struct{ error }

func (b broken) Is(target error) bool { return target == ErrBroken }
func (b broken) Unwrap() error        { return b.error }

// Dump applies the records of an NDJSON dump until its end or the end that was
// set. It returns ErrBroken for what is wrong with the dump; other errors are of
// reading it, or of whoever is told of Fridays and records. A line without a
// stamp is taken at its recorded time, one without a sequence follows the one
// before, so that a history file can be replayed as it is. progress, if it is not
// nil, is called now and then with the number of records applied since the last
// call.
func (r *Replay) Dump(ctx context.Context, dump io.Reader, progress func(n int)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	work, order := make(chan *part, 4*workers), make(chan *part, 4*workers)
	var parsing sync.WaitGroup
	for range workers {
		parsing.Go(func() {
			var parser record.Parser
			for p := range work {
				p.parse(&parser)
				close(p.ready)
			}
		})
	}
	var readErr error // written before order is closed
	parsing.Go(func() {
		defer close(order)
		defer close(work)
		readErr = cut(ctx, record.NewReader(dump), work, order)
	})
	applyErr := r.applyParts(order, progress)
	cancel() // where the end came before the dump's
	for range order {
	}
	parsing.Wait()
	if applyErr != nil || r.ended {
		return applyErr
	}
	return readErr
}

// part is some lines of a dump on their way.
type part struct {
	lines   []numbered
	text    []byte
	records []record.Line
	checked []events.Checked
	leaves  [][32]byte
	err     error // of the line after the last record
	cutOff  bool  // the last line ends with the dump, without a newline
	ready   chan struct{}
}

type numbered struct{ number, begin, end int }

// A part is handed out once it has partBytes; lineBytes is room for what the
// last line has beyond, and partLines for its lines, mostly.
const (
	partBytes = 256 << 10
	lineBytes = 8 << 10
	partLines = 640
)

func newPart() *part {
	return &part{
		lines: make([]numbered, 0, partLines), text: make([]byte, 0, partBytes+lineBytes),
		ready: make(chan struct{}),
	}
}

// cut reads lines and hands them out in parts, to be parsed by anybody and
// applied in order.
func cut(ctx context.Context, lines *record.Reader, work, order chan<- *part) error {
	p := newPart()
	send := func() error {
		for _, to := range [...]chan<- *part{work, order} {
			select {
			case to <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		p = newPart()
		return nil
	}
	for {
		line, number, err := lines.NextRaw()
		if err == io.EOF {
			return send()
		}
		if err != nil {
			err = fmt.Errorf("reading the dump: %w", err)
			if _, ofLine := errors.AsType[*record.LineError](err); ofLine {
				err = broken{err}
			}
			return errors.Join(err, send())
		}
		p.cutOff = lines.CutOff()
		begin := len(p.text)
		p.text = append(p.text, line...)
		p.lines = append(p.lines, numbered{number, begin, len(p.text)})
		if len(p.text) >= partBytes {
			if err := send(); err != nil {
				return err
			}
		}
	}
}

// parse reads the lines. The bodies of the records stay where they were read,
// so that the text is never used again.
func (p *part) parse(parser *record.Parser) {
	p.records = make([]record.Line, 0, len(p.lines))
	p.checked = make([]events.Checked, 0, len(p.lines))
	p.leaves = make([][32]byte, 0, len(p.lines))
	for i, n := range p.lines {
		l, checked, err := parser.Parse(p.text[n.begin:n.end:n.end])
		if err == nil && l.Stamped.IsZero() {
			checked, err = unstamped(&l, checked, parser)
		}
		if err != nil {
			p.err = &record.LineError{Number: n.number, Err: err}
			p.cutOff = p.cutOff && i == len(p.lines)-1
			return
		}
		p.records, p.checked = append(p.records, l), append(p.checked, checked)
		p.leaves = append(p.leaves, l.LeafHash())
	}
}

// unstamped takes a line of a history file at its recorded time; one without a
// subject stands where the history load puts it, and is checked there.
func unstamped(l *record.Line, checked events.Checked, parser *record.Parser) (events.Checked, error) {
	if l.Recorded.IsZero() {
		return checked, errors.New(`the line has neither "stamped" nor "recorded"`)
	}
	l.Stamped = l.Recorded
	if l.Subject == "" {
		l.Subject = events.HistorySubject(checked.Event.Source)
		checked = parser.Check(l.Subject, l.Body)
	}
	if events.IsHistory(l.Subject) && l.Header == "" {
		l.Header = l.Recorded.UTC().Format(time.RFC3339Nano)
	}
	return checked, nil
}

func (r *Replay) applyParts(order <-chan *part, progress func(int)) error {
	for p := range order {
		<-p.ready
		for i := range p.records {
			rec := &p.records[i].Record
			leaf := p.leaves[i]
			if rec.Seq == 0 {
				rec.Seq = r.processor.Position + 1
				leaf = rec.LeafHash()
			}
			more, err := r.Apply(rec, leaf, &p.checked[i])
			if err != nil || !more {
				return err
			}
		}
		if progress != nil {
			progress(len(p.records))
		}
		if p.err != nil {
			return r.unreadable(p)
		}
	}
	return nil
}

// unreadable says which record a part breaks off at.
func (r *Replay) unreadable(p *part) error {
	seq := r.processor.Position + 1
	if p.cutOff {
		return broken{fmt.Errorf("the dump ends in the middle of record %d's line: %w", seq, p.err)}
	}
	return broken{fmt.Errorf("reading record %d of the dump: %w", seq, p.err)}
}

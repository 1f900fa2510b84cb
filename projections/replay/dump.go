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

// Dump applies the records of an NDJSON dump until its end or the end that was
// set. A line without a stamp is taken at its recorded time, one without a
// sequence follows the one before, so that a history file can be replayed as
// it is. progress, if it is not nil, is called now and then with the number of
// records applied since the last call.
func (r *Replay) Dump(ctx context.Context, dump io.Reader, progress func(n int)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	work, order := make(chan *part, 4*workers), make(chan *part, 4*workers)
	var parsing sync.WaitGroup
	for range workers {
		parsing.Go(func() {
			var checker events.Checker
			for p := range work {
				p.parse(&checker)
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
	ready   chan struct{}
}

type numbered struct{ number, begin, end int }

const partBytes = 256 << 10

// cut reads lines and hands them out in parts, to be parsed by anybody and
// applied in order.
func cut(ctx context.Context, lines *record.Reader, work, order chan<- *part) error {
	p := &part{ready: make(chan struct{})}
	send := func() error {
		for _, to := range [...]chan<- *part{work, order} {
			select {
			case to <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		p = &part{ready: make(chan struct{})}
		return nil
	}
	for {
		line, number, err := lines.NextRaw()
		if err == io.EOF {
			return send()
		}
		if err != nil {
			return errors.Join(fmt.Errorf("reading the dump: %w", err), send())
		}
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

func (p *part) parse(checker *events.Checker) {
	for _, n := range p.lines {
		l, err := record.ParseLine(p.text[n.begin:n.end])
		if err == nil && l.Stamped.IsZero() {
			err = unstamped(&l, checker)
		}
		if err != nil {
			p.err = fmt.Errorf("reading the dump: %w", &record.LineError{Number: n.number, Err: err})
			return
		}
		p.records = append(p.records, l)
		p.checked = append(p.checked, checker.Check(l.Subject, l.Body))
		p.leaves = append(p.leaves, l.LeafHash())
	}
}

// unstamped takes a line of a history file at its recorded time; one without a
// subject stands where the history load puts it.
func unstamped(l *record.Line, checker *events.Checker) error {
	if l.Recorded.IsZero() {
		return errors.New(`the line has neither "stamped" nor "recorded"`)
	}
	l.Stamped = l.Recorded
	if l.Subject == "" {
		checked := checker.Check("", l.Body)
		l.Subject = events.HistorySubject(checked.Event.Source)
	}
	if events.IsHistory(l.Subject) && l.Header == "" {
		l.Header = l.Recorded.UTC().Format(time.RFC3339Nano)
	}
	return nil
}

func (r *Replay) applyParts(order <-chan *part, progress func(int)) error {
	for p := range order {
		<-p.ready
		for i := range p.records {
			rec := &p.records[i].Record
			leaf := p.leaves[i]
			if rec.Seq == 0 {
				rec.Seq = r.ledger.Position + 1
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
			return p.err
		}
	}
	return nil
}

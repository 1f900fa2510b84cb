package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/events/record/merkle"
	"bookledger/events/record/treehead"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/replay"
)

// identity is what a check has to know of a ledger before all else.
type identity struct {
	id       string
	calendar *events.Calendar
	keys     *treehead.Keys
}

// derivation is what follows from a dump of the whole record.
type derivation struct {
	*replay.Replay
	identity
	q       Request
	records uint64
	rules   int

	friday   checkpoint.Checkpoint
	agents   *checkpoint.AgentTree
	book     *book.Book
	treeRoot merkle.Hash // at the boundary

	seal  record.Record          // the record of the Friday's seal, where it is sealed
	keyed []uint64               // genesis, and the changes of the key
	notes []checkpoint.Signature // of all Fridays, whoever signed them
	cases map[string][]uint64    // the records about each case up to the boundary, for a bundle of the kind Records
}

// errFork is returned for a head that the ledger's key has signed and that is not
// one of this record.
var errFork = errors.New("history was forked or rewritten")

// derive replays a dump, which open opens, and makes of it what the request is
// about. Each line must be the one that the ledger writes for the record. It
// returns ErrDiffers where the dump is none of a whole ledger, and an error of
// package book or checkpoint where there is no such agent or Friday; in the
// latter case also how far it came.
func derive(ctx context.Context, open func() (*os.File, error), q Request) (*derivation, error) {
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
	d := &derivation{Replay: replay.New(), q: q, cases: map[string][]uint64{}}
	lines, line := newLineReader("the dump", again), []byte(nil)
	for step, err := range d.Dump(ctx, dump, q.Progress) {
		switch {
		case errors.Is(err, replay.ErrInvalidDump):
			return nil, differs("%v", err)
		case err != nil:
			return nil, err
		case step.IsCutoff(q.Friday):
			err = d.take(ctx, *step.Checkpoint)
		case step.Record != nil:
			var text []byte
			if text, err = lines.next(); err == nil {
				d.note(&step)
				line = step.Record.AppendLine(line[:0], step.Recorded)
				err = lines.mustBe(text, line)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if d.book == nil {
		_, err := d.Checkpoint(q.Friday)
		return d, err
	}
	if _, err := lines.next(); err == nil {
		return nil, differs("the dump has grown while it was read: line %d came after its end", lines.n)
	} else if err != io.EOF {
		return nil, err
	}
	if d.LedgerID() == "" {
		return nil, differs("the dump does not begin with the genesis of a ledger, so that there is no key with which to check anything; a history file is no dump")
	}
	d.identity = identity{id: d.LedgerID(), calendar: d.Calendar()}
	if d.keys, err = d.Keys(); err != nil {
		return nil, differs("%v", err)
	}
	return d, nil
}

// take keeps what is derived as of the Friday.
func (d *derivation) take(ctx context.Context, f checkpoint.Checkpoint) (err error) {
	d.friday = f
	if d.agents, err = checkpoint.NewAgentTree(ctx, d.State(), d.Calendar(), f.Week, runtime.GOMAXPROCS(0)); err != nil {
		return err
	}
	if d.treeRoot, err = d.TreeRoot(f.Boundary); err != nil {
		return err
	}
	d.book, err = book.ForAgent(ctx, d.State(), d.Calendar(), f.Week, d.q.Agent)
	return err
}

// note keeps what is needed of a record.
func (d *derivation) note(step *replay.Step) {
	rec := step.Record
	d.records = rec.Seq
	if d.q.Kind == Records && d.book == nil && rec.CaseID != "" {
		d.cases[rec.CaseID] = append(d.cases[rec.CaseID], rec.Seq)
	}
	if step.Outcome != record.Applied && step.Outcome != record.Unchanged {
		return
	}
	switch data := rec.Event.Data.(type) {
	case *events.Genesis:
		d.rules, d.keyed = data.Rules, append(d.keyed, rec.Seq)
	case *events.SealKeyChanged:
		d.keyed = append(d.keyed, rec.Seq)
	case *events.Sealed:
		if data.Friday == d.q.Friday && d.seal.Seq == 0 { // the first stands
			d.seal = rec.Record
		}
	case *events.SealSigned:
		d.notes = append(d.notes, checkpoint.Signature{Seq: rec.Seq, SealSigned: *data})
	}
}

// compared compares the record with all seals and signed heads that stand in
// it, and with what else is claimed of it. The narrowest range in which they
// differ is named.
func (d *derivation) compared(more ...replay.Claim) error {
	claims, err := d.Claims()
	if err != nil {
		return err
	}
	difference, err := d.Compare(append(claims, more...))
	if err == nil && difference != nil {
		err = differs("%v", difference)
	}
	return err
}

// claimOf is what a head that stands beside the record says of it.
func claimOf(name string, h treehead.Head) replay.Claim {
	return replay.Claim{Size: h.Size, Root: h.Root, By: name}
}

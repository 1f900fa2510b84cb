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

// ledgerInfo is what the genesis and the key changes of a ledger say about it.
type ledgerInfo struct {
	id       string
	calendar *events.Calendar
	keys     *treehead.Keys
}

// derivation is what follows from a dump of the whole journal.
type derivation struct {
	*replay.Replay
	ledgerInfo
	request Request
	records uint64
	rules   int

	// At the cutoff of the request's Friday.
	friday   checkpoint.Checkpoint
	agents   *checkpoint.AgentTree
	book     *book.Book
	treeRoot merkle.Hash // at the boundary

	sealRecord  record.Record          // contains the Friday's first seal; its Seq is 0 if there is none
	keyRecords  []uint64               // sequences of genesis and of the key changes
	signatures  []checkpoint.Signature // of the seals of all Fridays, by any key
	caseRecords map[string][]uint64    // sequences of the records about each case up to the boundary; only for Records
}

// errFork is returned for a trusted tree head that cannot belong to this journal.
var errFork = errors.New("history was forked or rewritten")

// derive replays a dump and derives the book of the request. It calls open twice
// and reads both files in step. Each line must be exactly the one that the ledger
// writes for its record.
//
// It returns ErrMismatch if the dump is not that of a whole ledger,
// book.ErrUnknownOwner if there is no such agent, and checkpoint.ErrNoCheckpoint,
// together with the derivation so far, if there is no such Friday.
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
	d := &derivation{Replay: replay.New(), request: q, caseRecords: map[string][]uint64{}}
	lines := newLineReader("the dump", again)
	var line []byte
	for step, err := range d.Dump(ctx, dump, q.Progress) {
		switch {
		case errors.Is(err, replay.ErrInvalidDump):
			return nil, mismatchf("%v", err)
		case err != nil:
			return nil, err
		case step.IsCutoff(q.Friday):
			err = d.deriveBook(ctx, *step.Checkpoint)
		case step.Record != nil:
			var text []byte
			if text, err = lines.next(); err == nil {
				d.collect(&step)
				line = step.Record.AppendLine(line[:0], step.Recorded)
				err = lines.checkLine(text, line)
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
		return nil, mismatchf("the dump grew while it was read: line %d was added", lines.n)
	} else if err != io.EOF {
		return nil, err
	}
	if d.LedgerID() == "" {
		return nil, mismatchf("the dump does not begin with the genesis of a ledger, so there is no key to check it with; use a dump of the journal, not a history file")
	}
	d.ledgerInfo = ledgerInfo{id: d.LedgerID(), calendar: d.Calendar()}
	if d.keys, err = d.Keys(); err != nil {
		return nil, mismatchf("%v", err)
	}
	return d, nil
}

// deriveBook derives the book, the agents' tree and the journal's root at the
// Friday's cutoff.
func (d *derivation) deriveBook(ctx context.Context, f checkpoint.Checkpoint) (err error) {
	d.friday = f
	if d.agents, err = checkpoint.NewAgentTree(ctx, d.State(), d.Calendar(), f.Week, runtime.GOMAXPROCS(0)); err != nil {
		return err
	}
	if d.treeRoot, err = d.TreeRoot(f.Boundary); err != nil {
		return err
	}
	d.book, err = book.ForAgent(ctx, d.State(), d.Calendar(), f.Week, d.request.Agent)
	return err
}

// collect adds what the derivation needs from a record.
func (d *derivation) collect(step *replay.Step) {
	rec := step.Record
	d.records = rec.Seq
	if d.request.Kind == Records && d.book == nil && rec.CaseID != "" {
		d.caseRecords[rec.CaseID] = append(d.caseRecords[rec.CaseID], rec.Seq)
	}
	if step.Outcome != record.Applied && step.Outcome != record.Unchanged {
		return
	}
	switch data := rec.Event.Data.(type) {
	case *events.Genesis:
		d.rules, d.keyRecords = data.Rules, append(d.keyRecords, rec.Seq)
	case *events.SealKeyChanged:
		d.keyRecords = append(d.keyRecords, rec.Seq)
	case *events.Sealed:
		if data.Friday == d.request.Friday && d.sealRecord.Seq == 0 { // the first seal of a Friday counts
			d.sealRecord = rec.Record
		}
	case *events.SealSigned:
		d.signatures = append(d.signatures, checkpoint.Signature{Seq: rec.Seq, SealSigned: *data})
	}
}

// checkClaims compares the journal with all seals and signed tree heads in it, and
// with the additional claims. The error names the narrowest range of records in
// which they differ.
func (d *derivation) checkClaims(more ...replay.Claim) error {
	claims, err := d.Claims()
	if err != nil {
		return err
	}
	difference, err := d.Compare(append(claims, more...))
	if err == nil && difference != nil {
		err = mismatchf("%v", difference)
	}
	return err
}

// claimOf returns the claim about the journal that a tree head from elsewhere makes.
func claimOf(name string, h treehead.Head) replay.Claim {
	return replay.Claim{Size: h.Size, Root: h.Root, By: name}
}

package projections

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/internal/admission"
	"bookledger/projections/internal/store"
	"bookledger/projections/provenance"
)

// CaseIndexEntry describes a record that names a case, whatever its outcome:
// rejected and duplicate records have entries, too.
type CaseIndexEntry struct {
	Seq        uint64
	Outcome    record.Outcome
	Delegation bool          // the event is a delegation event
	Untimed    bool          // the record has no recorded time
	Late       time.Duration // recorded time minus the time that the record claims
}

// Recorded returns the recorded time of r, which must be the entry's record. It
// returns the zero time if the record has none.
func (e CaseIndexEntry) Recorded(r *record.Record) time.Time {
	if e.Untimed {
		return time.Time{}
	}
	return r.ClaimedTime(e.Outcome).Add(e.Late).UTC()
}

// Flags that the stored form adds to the outcome.
const (
	delegationFlag = 0x80
	untimedFlag    = 0x40
	lateFlag       = 0x20 // the delay follows
	outcomeMask    = 0x1f
)

// The entries of a case in one batch form one value. Each entry consists of the
// distance to the previous record (or to the batch's first one) as a uvarint, a
// byte with outcome and flags, and, if the record is late, the delay in
// nanoseconds as a uvarint.

// indexCase adds a record to the index of the case that it names, if any.
func (a *applier) indexCase(d *record.Decoded, result *admission.Result) error {
	if d.CaseID == "" {
		return nil
	}
	c, err := a.cachedCase(d.CaseID)
	if err != nil {
		return err
	}
	if len(c.entries) == 0 {
		a.touched, c.lastEntry = append(a.touched, c), a.first
	}
	kind, late := byte(result.Outcome), time.Duration(0)
	if strings.HasPrefix(d.Event.Type, "delegation.") {
		kind |= delegationFlag
	}
	if result.Recorded.IsZero() {
		kind |= untimedFlag
	} else if late = result.Recorded.Sub(d.ClaimedTime(result.Outcome)); late > 0 {
		kind |= lateFlag
	}
	c.entries = append(binary.AppendUvarint(c.entries, d.Seq-c.lastEntry), kind)
	if late > 0 {
		c.entries = binary.AppendUvarint(c.entries, uint64(late))
	}
	c.lastEntry = d.Seq
	return nil
}

// flushTouched adds to the batch the changed cases and the index entries of all
// cases that the batch's records name.
func (a *applier) flushTouched() error {
	slices.SortFunc(a.touched, func(x, y *cachedCase) int { return strings.Compare(x.id, y.id) })
	a.dirty = a.dirty[:0] // rebuilt in key order: every changed case is also touched
	for _, c := range a.touched {
		if c.dirty {
			a.dirty = append(a.dirty, c)
		}
	}
	if err := a.flushCases(); err != nil {
		return err
	}
	for _, c := range a.touched {
		a.scratch = store.AppendCaseIndex(a.scratch[:0], c.id, a.first)
		if err := a.batch.SetUnversioned(a.scratch, c.entries); err != nil {
			return err
		}
		c.entries = c.entries[:0]
	}
	return nil
}

// History returns the index entries of a case, in the order of the journal.
func (v *View) History(caseID string) ([]CaseIndexEntry, error) {
	var all []CaseIndexEntry
	err := v.reader.EachUnversionedWithPrefix(store.CaseIndex(caseID), func(key, value []byte) error {
		seq := store.CaseIndexFirst(key)
		for len(value) > 0 {
			e, rest, ok := readEntry(value)
			if !ok {
				return fmt.Errorf("reading the history of case %s from the projection: damaged entry: delete the projection folder to rebuild it", caseID)
			}
			seq += e.Seq
			e.Seq, value = seq, rest
			all = append(all, e)
		}
		return nil
	})
	return all, err
}

// readEntry decodes the first entry of a value. The entry's Seq is the distance
// to the previous record.
func readEntry(value []byte) (e CaseIndexEntry, rest []byte, ok bool) {
	delta, n := binary.Uvarint(value)
	if n <= 0 || n == len(value) {
		return e, nil, false
	}
	kind := value[n]
	e = CaseIndexEntry{Seq: delta, Outcome: record.Outcome(kind & outcomeMask), Delegation: kind&delegationFlag != 0, Untimed: kind&untimedFlag != 0}
	rest = value[n+1:]
	if kind&lateFlag != 0 {
		late, n := binary.Uvarint(rest)
		if n <= 0 {
			return e, nil, false
		}
		e.Late, rest = time.Duration(late), rest[n:]
	}
	return e, rest, true
}

// CaseRecords reads the records of index, which are about one case, from the
// journal that the projection follows. It returns a *Difference if a record is not
// the one that was applied.
func (v *View) CaseRecords(ctx context.Context, journal Journal, caseID string, index []CaseIndexEntry) ([]provenance.Entry, error) {
	var all []provenance.Entry
	var decoder record.Decoder
	for _, entry := range index {
		seq := entry.Seq
		r, err := journal.At(ctx, seq)
		if err != nil {
			return nil, fmt.Errorf("reading record %d for the history of case %s: %w", seq, caseID, err)
		}
		d := decoder.Decode(r)
		if leaf, err := v.LeafHash(seq); err != nil {
			return nil, err
		} else if leaf != d.Leaf {
			return nil, &Difference{seq, Changed}
		}
		e := provenance.Entry{Seq: seq, Recorded: entry.Recorded(&r), Event: d.Event, Outcome: entry.Outcome}
		if e.Outcome == record.Rejected {
			rejected, err := v.rejected(seq)
			if err != nil {
				return nil, err
			}
			if rejected == nil {
				return nil, fmt.Errorf("reading the rejection of record %d from the projection: not found: delete the projection folder to rebuild it", seq)
			}
			e.Rejection = &events.Rejection{Code: rejected.Code, Field: rejected.Field, Reason: rejected.Reason}
		}
		all = append(all, e)
	}
	return all, nil
}

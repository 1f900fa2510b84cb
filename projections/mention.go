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

// Mention is a record that was about a case, whatever became of it: also one
// that was rejected or came again, if it names the case.
type Mention struct {
	Seq        uint64
	Outcome    record.Outcome
	Delegation bool          // it was of a delegation
	Untimed    bool          // it has no recorded time
	Late       time.Duration // by which its recorded time is later than its own
}

// Recorded is the recorded time of the record that is mentioned; zero where it
// has none.
func (m Mention) Recorded(r *record.Record) time.Time {
	if m.Untimed {
		return time.Time{}
	}
	return r.OwnTime(m.Outcome).Add(m.Late).UTC()
}

// What is added to the outcome in the store.
const (
	ofDelegation = 0x80
	isUntimed    = 0x40
	isLate       = 0x20 // by how much stands behind it
	outcomeBits  = 0x1f
)

// The mentions of a case in a batch are one value: for each record how far it
// is from the one before, or from the batch's first, its outcome, and where it
// is late by how many nanoseconds.

// mention notes that a record was about a case, if it was.
func (a *applier) mention(r *record.Record, c *events.Checked, v *admission.Verdict) error {
	id := events.CaseOf(c, r.Body)
	if id == "" {
		return nil
	}
	slot, err := a.encodedSlot(id)
	if err != nil {
		return err
	}
	if len(slot.mentions) == 0 {
		a.told, slot.mentioned = append(a.told, slot), a.first
	}
	kind, late := byte(v.Outcome), time.Duration(0)
	if strings.HasPrefix(c.Event.Type, "delegation.") {
		kind |= ofDelegation
	}
	if v.Recorded.IsZero() {
		kind |= isUntimed
	} else if late = v.Recorded.Sub(r.OwnTime(v.Outcome)); late > 0 {
		kind |= isLate
	}
	slot.mentions = append(binary.AppendUvarint(slot.mentions, r.Seq-slot.mentioned), kind)
	if late > 0 {
		slot.mentions = binary.AppendUvarint(slot.mentions, uint64(late))
	}
	slot.mentioned = r.Seq
	return nil
}

// flushTold puts the cases that records were about into the batch, those that
// changed and the mentions of all.
func (a *applier) flushTold() error {
	slices.SortFunc(a.told, func(x, y *caseSlot) int { return strings.Compare(x.id, y.id) })
	a.dirty = a.dirty[:0] // what changed was told of, and so is in order already
	for _, slot := range a.told {
		if slot.dirty {
			a.dirty = append(a.dirty, slot)
		}
	}
	if err := a.flushCases(); err != nil {
		return err
	}
	for _, slot := range a.told {
		a.scratch = store.AppendMentions(a.scratch[:0], slot.id, a.first)
		if err := a.batch.SetPlain(a.scratch, slot.mentions); err != nil {
			return err
		}
		slot.mentions = slot.mentions[:0]
	}
	return nil
}

// History returns the records that were about a case, in their order.
func (v *View) History(caseID string) ([]Mention, error) {
	var all []Mention
	err := v.reader.EachPlainOf(store.Mentions(caseID), func(key, value []byte) error {
		seq := store.FirstOf(key)
		for len(value) > 0 {
			m, rest, ok := readMention(value)
			if !ok {
				return fmt.Errorf("reading the history of case %s from the projection: it is damaged; remove the projection to have it built anew", caseID)
			}
			seq += m.Seq
			m.Seq, value = seq, rest
			all = append(all, m)
		}
		return nil
	})
	return all, err
}

// readMention reads one of a value; its Seq is how far it is from the one
// before.
func readMention(value []byte) (m Mention, rest []byte, ok bool) {
	delta, n := binary.Uvarint(value)
	if n <= 0 || n == len(value) {
		return m, nil, false
	}
	kind := value[n]
	m = Mention{Seq: delta, Outcome: record.Outcome(kind & outcomeBits), Delegation: kind&ofDelegation != 0, Untimed: kind&isUntimed != 0}
	rest = value[n+1:]
	if kind&isLate != 0 {
		late, n := binary.Uvarint(rest)
		if n <= 0 {
			return m, nil, false
		}
		m.Late, rest = time.Duration(late), rest[n:]
	}
	return m, rest, true
}

// CaseRecords returns the records about a case that come after one and up to
// another, as provenance takes them. journal is the journal that the projection
// follows.
func (v *View) CaseRecords(ctx context.Context, journal Journal, caseID string, after, upTo uint64) ([]provenance.Entry, error) {
	mentions, err := v.History(caseID)
	if err != nil {
		return nil, err
	}
	var all []provenance.Entry
	var checker events.Checker
	for _, m := range mentions {
		if m.Seq <= after || m.Seq > upTo {
			continue
		}
		r, err := journal.At(ctx, m.Seq)
		if err != nil {
			return nil, fmt.Errorf("reading record %d for the history of case %s: %w", m.Seq, caseID, err)
		}
		if leaf, err := v.LeafHash(m.Seq); err != nil {
			return nil, err
		} else if leaf != r.LeafHash() {
			return nil, &Difference{m.Seq, Changed}
		}
		checked := checker.Check(r.Subject, r.Body)
		e := provenance.Entry{Seq: m.Seq, Recorded: m.Recorded(&r), Event: checked.Event, Outcome: m.Outcome}
		if m.Outcome == record.Rejected {
			if e.Rejection, err = v.rejection(m.Seq); err != nil {
				return nil, err
			}
		}
		all = append(all, e)
	}
	return all, nil
}

// rejection says why a record was rejected that was.
func (v *View) rejection(seq uint64) (*events.Rejection, error) {
	newest, err := v.Rejections(seq+1, 1)
	if err != nil {
		return nil, err
	}
	if len(newest) == 0 || newest[0].Seq != seq {
		return nil, fmt.Errorf("reading why record %d was rejected from the projection: it is not there; remove the projection to have it built anew", seq)
	}
	r := newest[0]
	return &events.Rejection{Code: r.Code, Field: r.Field, Reason: r.Reason}, nil
}

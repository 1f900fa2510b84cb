package projections

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/internal/store"
)

// Mention is a record that was about a case, whatever became of it; repeated
// ones are left out.
type Mention struct {
	Seq        uint64
	Outcome    record.Outcome
	Delegation bool // it was of a delegation
}

// ofDelegation is added to the outcome in the store.
const ofDelegation = 0x80

// The mentions of a case in a batch are one value: for each record how far it
// is from the one before, or from the batch's first, and its outcome.

// mention notes that a record was about a case, if it was.
func (a *applier) mention(seq uint64, e *events.Event, o record.Outcome) error {
	d, ok := e.Data.(events.OfCase)
	if !ok || o == record.Duplicate {
		return nil
	}
	slot, err := a.encodedSlot(d.Case())
	if err != nil {
		return err
	}
	if len(slot.mentions) == 0 {
		a.told, slot.mentioned = append(a.told, slot), a.first
	}
	kind := byte(o)
	if strings.HasPrefix(e.Type, "delegation.") {
		kind |= ofDelegation
	}
	slot.mentions = append(binary.AppendUvarint(slot.mentions, seq-slot.mentioned), kind)
	slot.mentioned = seq
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
			delta, n := binary.Uvarint(value)
			if n <= 0 || n == len(value) {
				return fmt.Errorf("reading the history of case %s from the projection: it is damaged; remove the projection to have it built anew", caseID)
			}
			seq += delta
			all = append(all, Mention{seq, record.Outcome(value[n] &^ ofDelegation), value[n]&ofDelegation != 0})
			value = value[n+1:]
		}
		return nil
	})
	return all, err
}

package projections

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"bookledger/events"
	"bookledger/events/record"
	"bookledger/projections/active"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
	"bookledger/projections/internal/admission"
	"bookledger/projections/internal/store"
)

const (
	// batchRecords is how many records a batch holds at most: about a thousand
	// keys are what Pebble writes fastest.
	batchRecords = 1000
	// keptBytes bounds the encoded cases that are kept between batches, and
	// slotBytes is what one takes besides.
	maxCachedBytes = 64 << 20
	slotOverhead   = 200
	// keptAgents bounds the agents that are kept between batches.
	maxCachedAgents = 50_000
)

var processorKey = store.Meta("ledger")

// applier judges records over the store and gathers what they change in
// batches. It is used by one goroutine.
type applier struct {
	store     *store.Store
	reader    store.Reader
	processor *admission.Processor
	tree      *treeWriter

	batch        *store.Batch
	records      int    // in the batch
	first        uint64 // of them
	outcomes     []record.Outcome
	week         events.Date
	index        *active.Index
	lists        *active.Lists // that are told what changes
	cursor       *store.Cursor // over cases, of the time when the batch began
	cases        map[string]*cachedCase
	lastCase     *cachedCase         // that was asked for last, in this batch
	decoded      []*cachedCase       // the cases that are decoded, in this batch
	dirty        []*cachedCase       // the cases that changed and are not yet in the batch
	touched      []*cachedCase       // the cases that records of this batch are about
	seen         map[string]struct{} // remembered in this batch
	seenKeys     []string            // the same
	agents       map[string]fold.Agent
	agencyValues map[string][]byte    // agencies and staff put in this batch, by key
	sealed       map[events.Date]bool // in this batch

	cachedBytes int    // bytes of the encoded cases
	bloom       *bloom // of the ids and cases of all batches, nil where it does not know all
	scratch     []byte
}

// caseSlot is a case that was read lately. It is kept encoded, which takes a
// quarter of the memory and spares the garbage collector; decoded it is only
// in the batch that reads it.
type cachedCase struct {
	id      string
	encoded []byte // nothing where the case is not known
	state   *fold.Case
	dirty   bool

	entries   []byte // of the case index, of this batch
	lastEntry uint64
}

// newApplier goes on from what the store holds.
func newApplier(g *generation) (*applier, error) {
	s := g.store
	processor, err := readProcessor(s.Reader())
	if err != nil {
		return nil, err
	}
	tree, err := newTreeWriter(s.Reader(), processor.Position)
	if err != nil {
		return nil, err
	}
	a := &applier{
		store: s, reader: s.Reader(), processor: processor, tree: tree, week: processor.Week,
		index: active.NewIndex(s.Reader(), processor.Week), lists: &g.lists,
		cases: map[string]*cachedCase{}, agents: map[string]fold.Agent{},
		seen: map[string]struct{}{}, agencyValues: map[string][]byte{}, sealed: map[events.Date]bool{},
	}
	if processor.Position == 0 {
		a.bloom = newBloom()
	}
	a.begin()
	return a, nil
}

func readProcessor(r store.Reader) (*admission.Processor, error) {
	b, ok, err := r.Get(processorKey)
	if err != nil || !ok {
		return admission.New(), err
	}
	return decodeProcessor(b)
}

func decodeProcessor(b []byte) (*admission.Processor, error) {
	processor := admission.New()
	if err := json.Unmarshal(b, processor); err != nil {
		return nil, fmt.Errorf("reading the projection's position: %w", err)
	}
	return processor, processor.Resume()
}

func (a *applier) begin() {
	a.batch, a.records, a.outcomes = a.store.NewBatch(), 0, a.outcomes[:0]
	a.first = a.processor.Position + 1
	clear(a.seen)
	clear(a.agencyValues)
	clear(a.sealed)
	a.seenKeys = a.seenKeys[:0]
	for _, slot := range a.decoded {
		slot.state = nil
	}
	a.decoded = a.decoded[:0]
	a.touched = a.touched[:0]
	if a.cachedBytes > maxCachedBytes {
		a.cases, a.lastCase, a.cachedBytes = map[string]*cachedCase{}, nil, 0
	}
	if len(a.agents) > maxCachedAgents {
		clear(a.agents)
	}
}

// apply judges one record.
func (a *applier) apply(d *record.Decoded) error {
	decision, err := a.processor.Decide(d, a)
	if err != nil {
		return err
	}
	if decision.Week != a.week {
		if err := a.passCutoffs(decision.Passed, decision.Week); err != nil {
			return err
		}
	}
	if err := a.processor.Apply(&decision, a); err != nil {
		return err
	}
	a.tree.Append(d.Leaf)
	a.records++
	a.outcomes = append(a.outcomes, decision.Outcome)
	return a.indexCase(d, &decision.Result)
}

// pass puts what the open week has changed under that week, keeps the
// checkpoints of the Fridays that are passed, and goes on under the next week:
// nothing is copied.
func (a *applier) passCutoffs(passed []checkpoint.Checkpoint, next events.Date) error {
	if err := a.flushCases(); err != nil {
		return err
	}
	if err := a.index.NextWeek(a.batch, next); err != nil {
		return err
	}
	a.week = next
	for _, c := range passed {
		if err := a.putJSON(store.Checkpoint(c.Friday), c); err != nil {
			return err
		}
	}
	return nil
}

// commit makes the batch and the position in it part of the store. A crash
// before this point loses the batch whole, and the journal gives it again; a
// crash after it may lose it too, as long as it is unsynced, with the same
// effect. The next batch is to be begun.
func (a *applier) commit() error {
	slices.Sort(a.seenKeys)
	for _, k := range a.seenKeys {
		if err := a.batch.SetUnversioned([]byte(k), nil); err != nil {
			return err
		}
	}
	if err := a.flushTouched(); err != nil {
		return err
	}
	if err := a.index.Flush(a.batch, a.processor.Position, a.lists); err != nil {
		return err
	}
	if err := a.tree.flush(a.batch); err != nil {
		return err
	}
	if err := a.putJSON(processorKey, a.processor); err != nil {
		return err
	}
	if err := a.batch.Commit(); err != nil {
		return err
	}
	return a.closeCursor()
}

// discard gives the batch up.
func (a *applier) discard() {
	_ = a.batch.Discard()
	_ = a.closeCursor()
}

func (a *applier) closeCursor() error {
	if a.cursor == nil {
		return nil
	}
	err := a.cursor.Close()
	a.cursor = nil
	return err
}

// flushCases puts the changed cases into the batch, in the order of keys, in
// which the store takes them quickest.
func (a *applier) flushCases() error {
	slices.SortFunc(a.dirty, func(x, y *cachedCase) int { return strings.Compare(x.id, y.id) })
	for _, slot := range a.dirty {
		slot.dirty = false
		a.scratch = fold.AppendCase(a.scratch[:0], slot.state)
		a.setEncoded(slot, a.scratch)
		if err := a.batch.Set(store.Case(slot.id), a.week, a.scratch); err != nil {
			return err
		}
	}
	a.dirty = a.dirty[:0]
	return nil
}

// keep keeps a copy of an encoded case.
func (a *applier) setEncoded(slot *cachedCase, b []byte) {
	before := cap(slot.encoded)
	slot.encoded = append(slot.encoded[:0], b...)
	a.cachedBytes += cap(slot.encoded) - before
}

// The rest makes applier an admission.State.

func (a *applier) MarkSeen(source, id string) (bool, error) {
	a.scratch = store.AppendEventID(a.scratch[:0], source, id)
	if _, ok := a.seen[string(a.scratch)]; ok {
		return true, nil
	}
	if a.bloom == nil || !a.bloom.add(a.scratch) {
		if ok, err := a.reader.Has(a.scratch); ok || err != nil {
			return ok, err
		}
	}
	k := string(a.scratch)
	a.seen[k] = struct{}{}
	a.seenKeys = append(a.seenKeys, k)
	return false, nil
}

func (a *applier) Case(id string) (*fold.Case, error) {
	slot, err := a.decodedCase(id)
	if err != nil {
		return nil, err
	}
	return slot.state, nil
}

// slot returns the case decoded.
func (a *applier) decodedCase(id string) (*cachedCase, error) {
	slot, err := a.cachedCase(id)
	if err != nil || slot.state != nil {
		return slot, err
	}
	slot.state = new(fold.Case)
	a.decoded = append(a.decoded, slot)
	if len(slot.encoded) == 0 {
		return slot, nil
	}
	if *slot.state, err = fold.DecodeCase(slot.encoded); err != nil {
		return nil, fmt.Errorf("reading case %s of the projection: %w", id, err)
	}
	return slot, nil
}

// encodedSlot returns the case, decoded or not.
func (a *applier) cachedCase(id string) (*cachedCase, error) {
	if a.lastCase != nil && a.lastCase.id == id {
		return a.lastCase, nil
	}
	if slot, ok := a.cases[id]; ok {
		a.lastCase = slot
		return slot, nil
	}
	b, err := a.readCase(id)
	if err != nil {
		return nil, err
	}
	slot := &cachedCase{id: id}
	a.setEncoded(slot, b)
	a.cachedBytes += slotOverhead
	a.cases[id], a.lastCase = slot, slot
	return slot, nil
}

// readCase returns a case as the store has it, nothing where it is not known.
// It is valid until the next call.
func (a *applier) readCase(id string) ([]byte, error) {
	if a.scratch = append(a.scratch[:0], id...); a.bloom != nil && a.bloom.add(a.scratch) {
		return nil, nil
	}
	if a.cursor == nil {
		var err error
		if a.cursor, err = a.reader.Cursor(store.Case("")); err != nil {
			return nil, err
		}
	}
	b, _, err := a.cursor.At(store.Case(id), store.Newest)
	return b, err
}

func (a *applier) PutCase(id string, before, after *fold.Case) error {
	a.index.UpdateCase(id, before, after)
	slot, err := a.decodedCase(id)
	if err != nil {
		return err
	}
	*slot.state = *after
	if !slot.dirty {
		slot.dirty = true
		a.dirty = append(a.dirty, slot)
	}
	return nil
}

func (a *applier) Agent(id string) (fold.Agent, bool, error) {
	if agent, ok := a.agents[id]; ok {
		return agent, true, nil
	}
	agent, known, err := active.Live(a.reader).Agent(id)
	if known {
		a.agents[id] = agent
	}
	return agent, known, err
}

func (a *applier) PutAgent(id string, after fold.Agent) error {
	before := a.agents[id] // which Agent has put there, where the agent is known
	a.agents[id] = after
	if err := a.index.UpdateAgent(a.batch, id, before.AgencyID, after.AgencyID); err != nil {
		return err
	}
	return a.batch.Set(store.Agent(id), a.week, fold.AppendAgent(nil, &after))
}

func (a *applier) Agency(id string) (fold.Agency, bool, error) {
	if b, ok := a.agencyValues[string(store.Agency(id))]; ok {
		agency, err := fold.DecodeAgency(b)
		return agency, true, err
	}
	return active.Live(a.reader).Agency(id)
}

func (a *applier) PutAgency(id string, after fold.Agency) error {
	return a.putAgencyValue(store.Agency(id), fold.AppendAgency(nil, &after))
}

func (a *applier) Staff(agencyID, personID string) (fold.Staff, error) {
	if b, ok := a.agencyValues[string(store.Staff(agencyID, personID))]; ok {
		if len(b) == 0 {
			return fold.Staff{}, nil
		}
		return fold.DecodeStaff(b)
	}
	return active.Live(a.reader).Staff(agencyID, personID)
}

func (a *applier) PutStaff(agencyID, personID string, after fold.Staff) error {
	var b []byte // a tombstone where the role has ended
	if after != (fold.Staff{}) {
		b = fold.AppendStaff(nil, &after)
	}
	if err := a.index.UpdateRole(a.batch, personID, agencyID, len(b) > 0); err != nil {
		return err
	}
	return a.putAgencyValue(store.Staff(agencyID, personID), b)
}

func (a *applier) putAgencyValue(k store.Key, b []byte) error {
	a.agencyValues[string(k)] = b
	return a.batch.Set(k, a.week, b)
}

func (a *applier) AddRejection(r admission.RejectedEvent) error {
	return a.putJSON(store.Rejection(r.Seq), r)
}

func (a *applier) AddExportStep(e admission.ExportStep) error {
	return a.putJSON(store.ExportStep(e.Seq), e)
}

func (a *applier) HasSeal(f events.Date) (bool, error) {
	if a.sealed[f] {
		return true, nil
	}
	return a.reader.Has(store.Seal(f))
}

func (a *applier) PutSeal(s checkpoint.Seal) error {
	a.sealed[s.Friday] = true
	return a.putJSON(store.Seal(s.Friday), s)
}

func (a *applier) AddSignature(s checkpoint.Signature) error {
	return a.putJSON(store.Signature(s.Friday, s.Seq), s)
}

func (a *applier) putJSON(key []byte, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding a %T for the projection: %w", value, err)
	}
	return a.batch.SetUnversioned(key, b)
}

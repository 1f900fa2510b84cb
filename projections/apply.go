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
	// batchRecords is the maximum number of records in a batch. Pebble writes
	// batches of about a thousand keys fastest.
	batchRecords = 1000
	// maxCachedBytes bounds the encoded cases that are cached across batches.
	// cachedCaseOverhead is the estimated overhead of each cached case, in bytes.
	maxCachedBytes     = 64 << 20
	cachedCaseOverhead = 200
	// maxCachedAgents bounds the agents that are cached across batches.
	maxCachedAgents = 50_000
)

var processorKey = store.Meta("ledger")

// applier processes records against the store and collects their changes in
// batches. It is not safe for concurrent use.
type applier struct {
	store     *store.Store
	reader    store.Reader
	processor *admission.Processor
	tree      *treeWriter

	batch        *store.Batch
	records      int    // number of records in the batch
	first        uint64 // sequence of the first record in the batch
	outcomes     []record.Outcome
	week         events.Date
	index        *active.Index
	lists        *active.Lists // notified of changes
	cursor       *store.Cursor // over cases, as of the start of the batch
	cases        map[string]*cachedCase
	lastCase     *cachedCase         // the case used last, to save a map lookup
	decoded      []*cachedCase       // cases decoded in this batch
	dirty        []*cachedCase       // changed cases that are not yet in the batch
	touched      []*cachedCase       // cases with an index entry in this batch
	seen         map[string]struct{} // keys of the event IDs first seen in this batch
	seenKeys     []string            // the keys of seen
	agents       map[string]fold.Agent
	agencyValues map[string][]byte    // agencies and staff written in this batch, by key
	sealed       map[events.Date]bool // Fridays whose seal is in this batch

	cachedBytes int    // size of the encoded cases
	bloom       *bloom // event IDs and case IDs of all batches; nil if the store was not empty at the start
	scratch     []byte
}

// cachedCase is a recently used case. The cache contains encoded cases because
// they take a quarter of the memory and save garbage collection. A case is
// decoded only during the batch that reads it.
type cachedCase struct {
	id      string
	encoded []byte     // empty if the case is not known
	state   *fold.Case // nil if not decoded
	dirty   bool

	entries   []byte // encoded case index entries of this batch
	lastEntry uint64 // sequence of the last of them
}

// newApplier returns an applier that resumes at the store's position.
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
		return nil, fmt.Errorf("decoding the projection's position: %w", err)
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
	for _, c := range a.decoded {
		c.state = nil
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

// apply processes one record.
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

// passCutoffs writes the open week's changes under that week, adds the
// checkpoints of the passed Fridays, and switches to the next week. It copies
// nothing.
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

// commit commits the batch, including the position, without syncing. A crash
// before the data reaches the disk loses the whole batch. The journal then
// supplies its records again. The caller must call begin before it applies more
// records.
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

// discard drops the batch.
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

// flushCases adds the changed cases to the batch. They are sorted by key, which
// is the order in which Pebble writes fastest.
func (a *applier) flushCases() error {
	slices.SortFunc(a.dirty, func(x, y *cachedCase) int { return strings.Compare(x.id, y.id) })
	for _, c := range a.dirty {
		c.dirty = false
		a.scratch = fold.AppendCase(a.scratch[:0], c.state)
		a.setEncoded(c, a.scratch)
		if err := a.batch.Set(store.Case(c.id), a.week, a.scratch); err != nil {
			return err
		}
	}
	a.dirty = a.dirty[:0]
	return nil
}

// setEncoded stores a copy of an encoded case in the cache.
func (a *applier) setEncoded(c *cachedCase, b []byte) {
	before := cap(c.encoded)
	c.encoded = append(c.encoded[:0], b...)
	a.cachedBytes += cap(c.encoded) - before
}

// The following methods implement admission.State.

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
	c, err := a.decodedCase(id)
	if err != nil {
		return nil, err
	}
	return c.state, nil
}

// decodedCase returns the cached case with its state decoded.
func (a *applier) decodedCase(id string) (*cachedCase, error) {
	c, err := a.cachedCase(id)
	if err != nil || c.state != nil {
		return c, err
	}
	c.state = new(fold.Case)
	a.decoded = append(a.decoded, c)
	if len(c.encoded) == 0 {
		return c, nil
	}
	if *c.state, err = fold.DecodeCase(c.encoded); err != nil {
		return nil, fmt.Errorf("reading case %s from the projection: %w", id, err)
	}
	return c, nil
}

// cachedCase returns the case from the cache, reading it from the store if needed.
func (a *applier) cachedCase(id string) (*cachedCase, error) {
	if a.lastCase != nil && a.lastCase.id == id {
		return a.lastCase, nil
	}
	if c, ok := a.cases[id]; ok {
		a.lastCase = c
		return c, nil
	}
	b, err := a.readCase(id)
	if err != nil {
		return nil, err
	}
	c := &cachedCase{id: id}
	a.setEncoded(c, b)
	a.cachedBytes += cachedCaseOverhead
	a.cases[id], a.lastCase = c, c
	return c, nil
}

// readCase returns the encoded case from the store, or nil if the case is not
// known. The result is valid until the next call.
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
	c, err := a.decodedCase(id)
	if err != nil {
		return err
	}
	*c.state = *after
	if !c.dirty {
		c.dirty = true
		a.dirty = append(a.dirty, c)
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
	before := a.agents[id] // Agent has cached it if the agent is known
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
	var b []byte // a tombstone if the role has ended
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

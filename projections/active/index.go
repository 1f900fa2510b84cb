package active

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"bookledger/events"
	"bookledger/projections/fold"
	"bookledger/projections/internal/store"
)

// Index writes, in the batches of the projection, which cases are something
// to an agent, which agents are an agency's own and which roles a person has.
// Of the cases it remembers what the batch that is being made holds, since a
// reader sees only what is committed.
type Index struct {
	reader  store.Reader
	week    events.Date
	current map[string]Relation // put under week in this batch
	earlier map[string]Relation // put under earlier weeks in this batch
	touched map[string]uint64   // agents whose lists changed, and by which record
	changes []change            // the same, case by case
}

// NewIndex begins to write under week.
func NewIndex(r store.Reader, week events.Date) *Index {
	return &Index{
		reader: r, week: week,
		current: map[string]Relation{}, earlier: map[string]Relation{}, touched: map[string]uint64{},
	}
}

// UpdateCase notes what a changed case is to whom.
func (x *Index) UpdateCase(id string, before, after *fold.Case) {
	for _, c := range [...]*fold.Case{before, after} {
		x.touch(c.AgentID, id, before, after)
		for _, r := range c.Pending {
			x.touch(r.AgentID, id, before, after)
		}
	}
}

func (x *Index) touch(agent, id string, before, after *fold.Case) {
	if agent == "" {
		return
	}
	seq := after.Changed.Seq
	x.touched[agent] = seq
	if one := (change{agent, id, seq}); len(x.changes) == 0 || x.changes[len(x.changes)-1] != one {
		x.changes = append(x.changes, one)
	}
	if now := relation(agent, after); now != relation(agent, before) {
		x.current[string(store.AgentCase(agent, id))] = now
	}
}

func relation(agent string, c *fold.Case) (r Relation) {
	if c.AgentID == agent {
		r = Holds
	}
	for _, p := range c.Pending {
		if p.AgentID == agent {
			r |= Pending
		}
	}
	return r
}

// NextWeek puts what has changed under its week into the batch, in the order of
// keys, and goes on under next.
func (x *Index) NextWeek(b *store.Batch, next events.Date) (err error) {
	before, err := x.reader.Cursor(store.AgentCase("", ""))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, before.Close()) }()
	for _, k := range slices.Sorted(maps.Keys(x.current)) {
		if err := x.putRelation(b, before, store.Key(k), x.current[k]); err != nil {
			return err
		}
	}
	maps.Copy(x.earlier, x.current)
	clear(x.current)
	x.week = next
	return nil
}

// put writes a relation; one that ended becomes a tombstone where an earlier
// week has it, and vanishes where it came and went within the week.
func (x *Index) putRelation(b *store.Batch, before *store.Cursor, k store.Key, r Relation) error {
	if r != 0 {
		return b.Set(k, x.week, []byte{byte(r)})
	}
	earlier, ok := x.earlier[string(k)]
	held := earlier != 0
	if !ok {
		var err error
		if _, held, err = before.At(k, x.week.AddDays(-1)); err != nil {
			return err
		}
	}
	if held {
		return b.Set(k, x.week, nil)
	}
	return b.Delete(k, x.week)
}

// Flush puts everything into the batch, which ends with the record last and is
// then to be committed, and tells the kept lists what it changes.
func (x *Index) Flush(b *store.Batch, last uint64, l *Lists) error {
	if err := x.NextWeek(b, x.week); err != nil {
		return err
	}
	for _, agent := range slices.Sorted(maps.Keys(x.touched)) {
		if err := b.SetUnversioned(store.LastChange(agent), binary.AppendUvarint(nil, x.touched[agent])); err != nil {
			return err
		}
	}
	l.addChanges(x.changes, last)
	clear(x.earlier)
	clear(x.touched)
	x.changes = x.changes[:0]
	return nil
}

// UpdateAgent puts into the batch whose own an agent is under the week, where
// that changed; "" is of no agency.
func (x *Index) UpdateAgent(b *store.Batch, id, before, after string) error {
	if before == after {
		return nil
	}
	if before != "" {
		if err := b.Set(store.AgencyAgent(before, id), x.week, nil); err != nil {
			return err
		}
	}
	if after == "" {
		return nil
	}
	return b.Set(store.AgencyAgent(after, id), x.week, present)
}

// UpdateRole puts into the batch whether a person has a role in an agency under
// the week.
func (x *Index) UpdateRole(b *store.Batch, person, agency string, has bool) error {
	if has {
		return b.Set(store.PersonRole(person, agency), x.week, present)
	}
	return b.Set(store.PersonRole(person, agency), x.week, nil)
}

// present is the value of what an index holds; an empty one is a tombstone.
var present = []byte{1}

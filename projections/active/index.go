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

// Index writes three indexes to the batches of the projection: the cases that relate
// to an agent, the agents of an agency, and the roles of a person. It remembers the
// relations of the current batch, because a reader sees only committed data.
type Index struct {
	reader  store.Reader
	week    events.Date
	current map[string]Relation // relations changed in this batch, in the current week
	earlier map[string]Relation // relations changed in this batch, in earlier weeks
	touched map[string]uint64   // agents whose lists changed, with the last record that changed them
	changes []change            // the same changes, by case
}

// NewIndex returns an index that writes under week.
func NewIndex(r store.Reader, week events.Date) *Index {
	return &Index{
		reader: r, week: week,
		current: map[string]Relation{}, earlier: map[string]Relation{}, touched: map[string]uint64{},
	}
}

// UpdateCase updates the relations of a changed case to agents.
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

// NextWeek adds the current week's relations to the batch, in key order, and then
// switches to the week next.
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

// putRelation writes a relation. An ended relation becomes a tombstone if it existed
// in an earlier week. If it began in this week, its version is deleted.
func (x *Index) putRelation(b *store.Batch, before *store.Cursor, k store.Key, r Relation) error {
	if r != 0 {
		return b.Set(k, x.week, []byte{byte(r)})
	}
	earlier, ok := x.earlier[string(k)]
	existed := earlier != 0
	if !ok {
		var err error
		if _, existed, err = before.At(k, x.week.AddDays(-1)); err != nil {
			return err
		}
	}
	if existed {
		return b.Set(k, x.week, nil)
	}
	return b.Delete(k, x.week)
}

// Flush adds everything to the batch, which ends with record last, and passes the
// changes to the cached lists. The caller must then commit the batch.
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

// UpdateAgent updates the agency to which an agent belongs, under the current week.
// Before and after are agency IDs; "" means no agency.
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

// UpdateRole updates whether a person has a role in an agency, under the current week.
func (x *Index) UpdateRole(b *store.Batch, person, agency string, has bool) error {
	if has {
		return b.Set(store.PersonRole(person, agency), x.week, present)
	}
	return b.Set(store.PersonRole(person, agency), x.week, nil)
}

// present is the value of an index entry. An empty value is a tombstone.
var present = []byte{1}

package projections

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"bookledger/events"
	"bookledger/events/record/merkle"
	"bookledger/projections/active"
	"bookledger/projections/checkpoint"
	"bookledger/projections/internal/admission"
	"bookledger/projections/internal/store"
	"bookledger/projections/list"
)

// RejectedEvent describes a rejected event.
type RejectedEvent = admission.RejectedEvent

// Status is the position of the ledger and its counts.
type Status = admission.Status

// View is a read-only snapshot of the projection: everything read from it is of
// the same position. It must be closed.
type View struct {
	merkle.Tree
	admission.Progress
	p      *Projection
	g      *generation
	reader store.Reader
}

// View returns a view of the committed state. It returns an error while a rebuild
// replaces a store that this release cannot read.
func (p *Projection) View() (*View, error) {
	p.mu.Lock()
	g := p.serving
	if g == nil {
		p.mu.Unlock()
		return nil, errors.New("the projection is being rebuilt, because this release cannot read its old store: wait until the rebuild is done")
	}
	g.uses++
	p.mu.Unlock()
	v := &View{p: p, g: g, reader: g.store.Snapshot()}
	processor, err := g.processorOf(v.reader)
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	v.Progress = admission.ProgressOf(processor)
	v.Tree = merkle.NewTree(tiles{v.reader, v.Position()})
	return v, nil
}

// cachedProcessor is a processor and the stored bytes from which it was decoded.
type cachedProcessor struct {
	bytes     []byte
	processor *admission.Processor
}

// processorOf returns the stored processor, which callers must not modify. Views
// share a cached one, because decoding it is most of the cost of a view.
func (g *generation) processorOf(r store.Reader) (*admission.Processor, error) {
	b, ok, err := r.Get(processorKey)
	if err != nil || !ok {
		return admission.New(), err
	}
	if have := g.processor.Load(); have != nil && bytes.Equal(have.bytes, b) {
		return have.processor, nil
	}
	processor, err := decodeProcessor(b)
	if err == nil {
		g.processor.Store(&cachedProcessor{b, processor})
	}
	return processor, err
}

// Close releases the view.
func (v *View) Close() error {
	err := v.reader.Close()
	return errors.Join(err, v.p.release(v.g))
}

// Generation returns the number of the store that the view reads. After a rebuild
// by another version, the same past may look different.
func (v *View) Generation() int { return v.g.number }

// Live returns the state after the newest record.
func (v *View) Live() active.State { return active.Live(v.reader) }

// Lists returns an agent's live lists. They are empty if the agent is not known.
func (v *View) Lists(agent string) (*list.Lists, error) {
	return v.g.lists.Of(v.Live(), v.Position(), v.Calendar(), agent)
}

// ListsOf returns the merged live lists of several agents. Each entry names its
// agent.
func (v *View) ListsOf(agents []string) (*list.Lists, error) {
	return v.g.lists.Merged(v.Live(), v.Position(), v.Calendar(), agents)
}

// AsOf returns the state that the books of Friday f show. f must have a checkpoint.
func (v *View) AsOf(f events.Date) active.State { return active.AsOf(v.reader, f) }

// Checkpoint returns the checkpoint of Friday f, or the latest checkpoint if f is
// 0. If there is none, it returns an error that wraps checkpoint.ErrNoCheckpoint and
// explains why.
func (v *View) Checkpoint(f events.Date) (checkpoint.Checkpoint, error) {
	friday := f
	if f == 0 && v.OpenFriday() != 0 {
		friday = v.Calendar().Previous(v.OpenFriday())
	}
	b, ok, err := v.reader.Get(store.Checkpoint(friday))
	if err != nil {
		return checkpoint.Checkpoint{}, err
	}
	if !ok {
		all, err := v.Checkpoints()
		if err != nil {
			return checkpoint.Checkpoint{}, err
		}
		var first, latest events.Date
		if len(all) > 0 {
			first, latest = all[0].Friday, all[len(all)-1].Friday
		}
		return checkpoint.Checkpoint{}, checkpoint.ExplainMissing(v.Calendar(), f, first, latest)
	}
	c, err := decode[checkpoint.Checkpoint](b, "a checkpoint")
	if err != nil {
		return c, err
	}
	c.Sealed, err = v.reader.Has(store.Seal(friday))
	return c, err
}

// Checkpoints returns all checkpoints, earliest first.
func (v *View) Checkpoints() ([]checkpoint.Checkpoint, error) {
	sealed := map[events.Date]bool{}
	err := v.reader.EachUnversioned(store.Seal(0), func(_, value []byte) error {
		s, err := decode[checkpoint.Seal](value, "a seal")
		sealed[s.Friday] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []checkpoint.Checkpoint
	err = v.reader.EachUnversioned(store.Checkpoint(0), func(_, value []byte) error {
		f, err := decode[checkpoint.Checkpoint](value, "a checkpoint")
		f.Sealed = sealed[f.Friday]
		all = append(all, f)
		return err
	})
	return all, err
}

// decode decodes a JSON value from the store. What names the value in errors.
func decode[T any](b []byte, what string) (value T, err error) {
	if err = json.Unmarshal(b, &value); err != nil {
		err = fmt.Errorf("reading %s from the projection: %w", what, err)
	}
	return value, err
}

// rejected returns the rejection of record seq, or nil if it was not rejected.
func (v *View) rejected(seq uint64) (*RejectedEvent, error) {
	b, ok, err := v.reader.Get(store.Rejection(seq))
	if err != nil || !ok {
		return nil, err
	}
	r, err := decode[RejectedEvent](b, "a rejection")
	return &r, err
}

// EachRejected calls yield with every rejected event, in the order of the journal.
func (v *View) EachRejected(yield func(RejectedEvent) error) error {
	return v.reader.EachUnversioned(store.Rejection(0), func(_, value []byte) error {
		r, err := decode[RejectedEvent](value, "a rejection")
		if err != nil {
			return err
		}
		return yield(r)
	})
}

// Status returns the ledger's status, including the state hash. Computing the hash
// reads the whole live state.
func (v *View) Status() (Status, error) { return v.StatusOf(v.Live()) }

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

// RejectedEvent is a rejected record.
type RejectedEvent = admission.RejectedEvent

// Status is where a ledger stands, as commands and the API shows it.
type Status = admission.Status

// View is the projection at one moment; whatever is read of it belongs
// together. It must be closed.
type View struct {
	merkle.Tree
	admission.Progress
	p      *Projection
	g      *generation
	reader store.Reader
}

// View returns a view of what is committed now.
func (p *Projection) View() (*View, error) {
	p.mu.Lock()
	g := p.serving
	if g == nil {
		p.mu.Unlock()
		return nil, errors.New("the projection is being built anew, since its store was made in another form; wait until it has caught up")
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

// shownProcessor is a processor that views read, and its bytes in the store.
type shownProcessor struct {
	bytes     []byte
	processor *admission.Processor
}

// processorOf reads the processor, which views do not write to. Many views
// share the same one, and reading it is most of what a view costs.
func (g *generation) processorOf(r store.Reader) (*admission.Processor, error) {
	b, ok, err := r.Get(processorKey)
	if err != nil || !ok {
		return admission.New(), err
	}
	if have := g.shown.Load(); have != nil && bytes.Equal(have.bytes, b) {
		return have.processor, nil
	}
	processor, err := decodeProcessor(b)
	if err == nil {
		g.shown.Store(&shownProcessor{b, processor})
	}
	return processor, err
}

// Close releases the view.
func (v *View) Close() error {
	err := v.reader.Close()
	return errors.Join(err, v.p.release(v.g))
}

// Generation tells the projection's stores apart: one that was built anew by
// another version may say otherwise of the same past.
func (v *View) Generation() int { return v.g.number }

// Live is the state as the newest record has left it.
func (v *View) Live() active.State { return active.Live(v.reader) }

// Lists are an agent's live lists, empty where nobody knows the agent.
func (v *View) Lists(agent string) (*list.Lists, error) {
	return v.g.lists.Of(v.Live(), v.Position(), v.Calendar(), agent)
}

// ListsOf are the live lists of several agents in one, whose entries say whose
// they are.
func (v *View) ListsOf(agents []string) (*list.Lists, error) {
	return v.g.lists.Union(v.Live(), v.Position(), v.Calendar(), agents)
}

// AsOf is the state as of the book of a Friday that has a checkpoint.
func (v *View) AsOf(f events.Date) active.State { return active.AsOf(v.reader, f) }

// Checkpoint returns the checkpoint of a Friday, 0 being the latest that a record
// has passed; checkpoint.ErrNone says why there is none.
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

// Checkpoints returns all checkpoints, the earliest first.
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

// decode reads a value of the store that was put as JSON.
func decode[T any](b []byte, what string) (value T, err error) {
	if err = json.Unmarshal(b, &value); err != nil {
		err = fmt.Errorf("reading %s of the projection: %w", what, err)
	}
	return value, err
}

// rejected returns why a record was rejected; nil where it was not.
func (v *View) rejected(seq uint64) (*RejectedEvent, error) {
	b, ok, err := v.reader.Get(store.Rejected(seq))
	if err != nil || !ok {
		return nil, err
	}
	r, err := decode[RejectedEvent](b, "a rejection")
	return &r, err
}

// EachRejected calls yield with every rejected record, in order.
func (v *View) EachRejected(yield func(RejectedEvent) error) error {
	return v.reader.EachUnversioned(store.Rejected(0), func(_, value []byte) error {
		r, err := decode[RejectedEvent](value, "a rejection")
		if err != nil {
			return err
		}
		return yield(r)
	})
}

// Status returns where the ledger stands. The state hash takes a pass over
// the whole live state.
func (v *View) Status() (Status, error) { return v.StatusOf(v.Live()) }

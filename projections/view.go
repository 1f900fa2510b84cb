package projections

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bookledger/events"
	"bookledger/projections/active"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/internal/admission"
	"bookledger/projections/internal/store"
	"bookledger/projections/list"
)

// Rejected is a rejected record.
type Rejected = admission.Rejected

// Status is where a ledger stands, as commands and the interface show it.
type Status = admission.Status

// View is the projection at one moment; whatever is read of it belongs
// together. It must be closed.
type View struct {
	p      *Projection
	g      *generation
	reader store.Reader
	ledger *admission.Processor
}

// View returns a view of what is committed now.
func (p *Projection) View() (*View, error) {
	p.mu.Lock()
	g := p.serving
	if g == nil {
		p.mu.Unlock()
		return nil, errors.New("the projection is being built anew, since its store was made in another form; wait until it has caught up")
	}
	g.views++
	p.mu.Unlock()
	v := &View{p: p, g: g, reader: g.store.Snapshot()}
	var err error
	if v.ledger, err = g.ledgerOf(v.reader); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// shownLedger is a ledger that views show, and its bytes in the store.
type shownLedger struct {
	bytes  []byte
	ledger *admission.Processor
}

// ledgerOf reads the ledger, which views do not write to. Many views show the
// same, and reading it is most of what a view costs.
func (g *generation) ledgerOf(r store.Reader) (*admission.Processor, error) {
	b, ok, err := r.Get(ledgerKey)
	if err != nil || !ok {
		return admission.New(), err
	}
	if have := g.shown.Load(); have != nil && bytes.Equal(have.bytes, b) {
		return have.ledger, nil
	}
	ledger, err := decodeLedger(b)
	if err == nil {
		g.shown.Store(&shownLedger{b, ledger})
	}
	return ledger, err
}

// Close releases the view.
func (v *View) Close() error {
	err := v.reader.Close()
	v.p.mu.Lock()
	v.g.views--
	last := v.g.retired && v.g.views == 0
	v.p.mu.Unlock()
	if last {
		err = errors.Join(err, v.p.remove(v.g))
	}
	return err
}

// Position is the sequence of the newest record that the view shows.
func (v *View) Position() uint64 { return v.ledger.Position }

// Generation tells the projection's stores apart: one that was built anew by
// another version may say otherwise of the same past.
func (v *View) Generation() int { return v.g.number }

// Calendar is the ledger's calendar.
func (v *View) Calendar() *events.Calendar { return v.ledger.Calendar() }

// HistoryClosed tells whether the history load is over.
func (v *View) HistoryClosed() bool { return v.ledger.Timeline.Closed }

// Recorded is the newest recorded time; zero before all time.
func (v *View) Recorded() time.Time { return v.ledger.Timeline.Last }

// Summary is where the ledger stands, without the state hash.
func (v *View) Summary() Status { return v.ledger.Status("") }

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

// OpenFriday is the Friday whose week is open, for which live lists are shown;
// 0 before the first record.
func (v *View) OpenFriday() events.Date { return v.ledger.Week }

// Friday returns the checkpoint of a Friday; checkpoint.ErrNone says why there
// is none.
func (v *View) Friday(f events.Date) (checkpoint.Friday, error) {
	b, ok, err := v.reader.Get(store.Friday(f))
	if err != nil {
		return checkpoint.Friday{}, err
	}
	if !ok {
		return checkpoint.Friday{}, checkpoint.Missing(v.Calendar(), f, v.ledger.Week)
	}
	c, err := decodeFriday(b)
	if err != nil {
		return c, err
	}
	c.Sealed, err = v.reader.Has(store.Seal(f))
	return c, err
}

// Latest returns the checkpoint of the last Friday that a record has passed.
func (v *View) Latest() (checkpoint.Friday, error) {
	if v.ledger.Week == 0 {
		return checkpoint.Friday{}, checkpoint.Missing(v.Calendar(), 0, 0)
	}
	return v.Friday(v.Calendar().Previous(v.ledger.Week))
}

// Fridays returns all checkpoints, the earliest first.
func (v *View) Fridays() ([]checkpoint.Friday, error) {
	sealed := map[events.Date]bool{}
	err := v.reader.EachPlain(store.Seal(0), func(_, value []byte) error {
		s, err := decodeSeal(value)
		sealed[s.Friday] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []checkpoint.Friday
	err = v.reader.EachPlain(store.Friday(0), func(_, value []byte) error {
		f, err := decodeFriday(value)
		f.Sealed = sealed[f.Friday.Friday]
		all = append(all, f)
		return err
	})
	return all, err
}

func decodeFriday(b []byte) (f checkpoint.Friday, err error) {
	if err = json.Unmarshal(b, &f); err != nil {
		err = fmt.Errorf("reading a checkpoint of the projection: %w", err)
	}
	return f, err
}

// EachRejected calls yield with every rejected record, in order.
func (v *View) EachRejected(yield func(Rejected) error) error {
	return v.reader.EachPlain(store.Rejected(0), func(_, value []byte) error {
		var r Rejected
		if err := json.Unmarshal(value, &r); err != nil {
			return fmt.Errorf("reading a rejection of the projection: %w", err)
		}
		return yield(r)
	})
}

// Status returns where the ledger stands. The state hash takes a pass over
// the whole live state.
func (v *View) Status() (Status, error) {
	sum, err := book.StateHash(v.Live())
	if err != nil {
		return Status{}, err
	}
	return v.ledger.Status(hex.EncodeToString(sum[:])), nil
}

package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"bookledger/cmd/bookledger/internal/access"
	"bookledger/cmd/bookledger/internal/problem"
	"bookledger/events"
	"bookledger/projections/active"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// Shelf are the books of an owner that the caller can have.
type Shelf struct {
	AsOf       time.Time    `json:"as_of"`
	AgeSeconds int          `json:"age_seconds,omitzero"`
	Books      []Offer      `json:"books"`       // the newest first
	NextFriday events.Date  `json:"next_friday"` // whose book comes next
	NextCutoff time.Time    `json:"next_cutoff"`
	Grant      access.Grant `json:"-"`
	Owner      Owner        `json:"-"`
}

// Offer is one book that can be had.
type Offer struct {
	Friday   events.Date `json:"friday"`
	Cutoff   time.Time   `json:"cutoff"`
	Boundary uint64      `json:"boundary"`
	Rows     int         `json:"rows"`
	Cases    int         `json:"cases"`
	Sealed   bool        `json:"sealed"`
}

// Shelved says which part of a shelf is wanted: up to Limit books before a
// Friday, or from the newest on where that is 0.
type Shelved struct {
	Before events.Date
	Limit  int // 0: MaxShelved
}

// MaxShelved is how many books are told of at once: to count those of large
// agencies takes time.
const MaxShelved = 60

// Books returns the books of an owner that the caller can have.
func (d *Desk) Books(ctx context.Context, c Caller, o Owner, part Shelved) (*Shelf, error) {
	r, done, err := d.read(c)
	if err != nil {
		return nil, err
	}
	defer done()
	g, err := r.grant(c, o)
	if err != nil {
		return nil, err
	}
	s := &Shelf{AsOf: r.Recorded(), AgeSeconds: int(r.age / time.Second), Books: []Offer{}, Grant: g, Owner: o}
	if s.NextFriday = r.today(); s.NextFriday != 0 {
		s.NextCutoff = r.Calendar().Cutoff(s.NextFriday).UTC()
	}
	fridays, err := r.Fridays()
	if err != nil {
		return nil, err
	}
	if part.Limit == 0 {
		part.Limit = MaxShelved
	}
	oldest := d.oldest(r, g)
	for _, f := range slices.Backward(fridays) {
		if f.Friday.Friday < oldest || len(s.Books) == part.Limit {
			break
		}
		if part.Before != 0 && f.Friday.Friday >= part.Before {
			continue
		}
		offer, err := d.offer(ctx, r, c, o, f)
		if errors.Is(err, checkpoint.ErrNone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.Books = append(s.Books, offer)
	}
	return s, d.noteLook(c, g.Role, "books", o, "")
}

// oldest is the first Friday whose book a grant is for.
func (d *Desk) oldest(r *reading, g access.Grant) events.Date {
	if g.AnyBook {
		return 0
	}
	oldest := r.today()
	for range d.LastFridays {
		oldest = r.Calendar().Previous(oldest)
	}
	return oldest
}

// offer tells how large a book is; checkpoint.ErrNone where it is not one that
// the caller may have.
func (d *Desk) offer(ctx context.Context, r *reading, c Caller, o Owner, f checkpoint.Friday) (Offer, error) {
	if err := d.mayHave(ctx, r, c, o, f); err != nil {
		return Offer{}, err
	}
	size, err := d.size(ctx, r, o, f)
	return Offer{Friday: f.Friday.Friday, Cutoff: f.Cutoff.UTC(), Boundary: f.Boundary, Rows: size.rows, Cases: size.cases}, err
}

// mayHave tells whether there is a book of the owner's as of a Friday that is
// open to the caller.
func (d *Desk) mayHave(ctx context.Context, r *reading, c Caller, o Owner, f checkpoint.Friday) error {
	if o.Agent == "" {
		return d.mayHaveAgency(ctx, r, c, o, f)
	}
	day := f.Friday.Friday
	was, known, err := r.AsOf(day).Agent(o.Agent)
	if err != nil {
		return err
	}
	if !known {
		return fmt.Errorf("as of Friday %s the agent was not known: %w", day, checkpoint.ErrNone)
	}
	if c.AgentID == o.Agent || c.Auditor || c.Operator {
		return nil
	}
	// The staff of an agency: an agent who came later brings no past into it.
	is, _, err := r.state.Agent(o.Agent)
	if err == nil && is.AgencyID != was.AgencyID {
		err = fmt.Errorf("as of Friday %s the agent was not of the agency: %w", day, checkpoint.ErrNone)
	}
	return err
}

// mayHaveAgency is mayHave of an agency's book. It unites the books of those
// who were its own then, whoever takes it; so it is not open to level-1 staff
// while it holds consumers of an agent who is not certified any more.
func (d *Desk) mayHaveAgency(ctx context.Context, r *reading, c Caller, o Owner, f checkpoint.Friday) error {
	day := f.Friday.Friday
	then := r.AsOf(day)
	agents, err := agentsAt(then, o)
	if err != nil {
		return err
	}
	_, known, err := then.Agency(o.Agency)
	if err != nil {
		return err
	}
	if !known && len(agents) == 0 {
		return fmt.Errorf("as of Friday %s the agency was not known: %w", day, checkpoint.ErrNone)
	}
	g, err := access.OfAgency(r.state, c.Person, o.Agency)
	if err != nil || g.Role != access.AdminL1 || c.Auditor {
		return err
	}
	for _, id := range agents {
		agent, _, err := r.state.Agent(id)
		if err != nil {
			return err
		}
		if agent.Certified {
			continue
		}
		size, err := d.size(ctx, r, Owner{Agent: id}, f)
		if err != nil {
			return err
		}
		if size.cases > 0 {
			return fmt.Errorf("that of Friday %s holds consumers of an agent who is not certified any more, which level-1 staff may not see, so ask a manager for it: %w", day, checkpoint.ErrNone)
		}
	}
	return nil
}

// friday finds the checkpoint of a Friday, or of the latest, whose book of the
// owner's is open to the caller.
func (d *Desk) friday(ctx context.Context, r *reading, c Caller, o Owner, g access.Grant, text string) (checkpoint.Friday, error) {
	f, err := r.checkpoint(text)
	if err != nil {
		return f, noBook(err)
	}
	if f.Friday.Friday < d.oldest(r, g) {
		return f, problem.NoBook.With("%s is not among the last %d Fridays, whose books an agent may take.", f.Friday.Friday, d.LastFridays)
	}
	return f, noBook(d.mayHave(ctx, r, c, o, f))
}

func (r *reading) checkpoint(text string) (checkpoint.Friday, error) {
	if text == "latest" {
		return r.Latest()
	}
	day, err := events.ParseDate(text)
	if err != nil || day == 0 {
		return checkpoint.Friday{}, fmt.Errorf("a book is named by its Friday, like 2026-11-20, or by the word latest: %w", checkpoint.ErrNone)
	}
	return r.Friday(day)
}

// noBook tells the reason why there is no book, which names days alone.
func noBook(err error) error {
	if errors.Is(err, checkpoint.ErrNone) {
		return problem.NoBook.With("%s.", sentence(err.Error()))
	}
	return err
}

// agentsAt are the agents whose books an owner's book of a Friday unites.
func agentsAt(then active.State, o Owner) ([]string, error) {
	if o.Agent != "" {
		return []string{o.Agent}, nil
	}
	var ids []string
	err := then.EachAgentOf(o.Agency, func(id string, _ *fold.Agent) error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

// sizes remembers how large the books of past Fridays are, which never change.
type sizes struct {
	counting singleflight.Group
	mu       sync.Mutex
	kept     map[sizeKey]size
}

type sizeKey struct {
	Owner
	friday   events.Date
	boundary uint64
	store    int // the projection's, which another version may fill otherwise
}

type size struct{ rows, cases int }

// keptSizes bounds what is remembered.
const keptSizes = 100_000

// size returns how large a book is; several who ask at once wait for one
// count, which goes on although one of them has gone.
func (d *Desk) size(ctx context.Context, r *reading, o Owner, f checkpoint.Friday) (size, error) {
	s := &d.sizes
	key := sizeKey{o, f.Friday.Friday, f.Boundary, r.Generation()}
	s.mu.Lock()
	have, ok := s.kept[key]
	s.mu.Unlock()
	if ok {
		return have, nil
	}
	counted, err, _ := s.counting.Do(fmt.Sprint(key), func() (any, error) {
		then := r.AsOf(f.Friday.Friday)
		agents, err := agentsAt(then, o)
		if err != nil {
			return size{}, err
		}
		var n size
		n.rows, n.cases, err = book.Count(context.WithoutCancel(ctx), then, f.Friday, agents)
		return n, err
	})
	if err != nil {
		return size{}, err
	}
	n := counted.(size)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || len(s.kept) >= keptSizes {
		s.kept = map[sizeKey]size{}
	}
	s.kept[key] = n
	return n, nil
}

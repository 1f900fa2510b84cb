package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

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

// Books returns the books of an owner that the caller can have.
func (d *Desk) Books(ctx context.Context, c Caller, o Owner) (*Shelf, error) {
	r, err := d.read()
	if err != nil {
		return nil, err
	}
	defer d.close(r)
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
	slices.Reverse(fridays)
	for i, f := range fridays {
		if i >= d.LastFridays && !g.AnyBook {
			break
		}
		offer, err := d.offer(ctx, r, o, g, f)
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

// offer tells how large a book is; checkpoint.ErrNone where it is not one that
// the role may have.
func (d *Desk) offer(ctx context.Context, r *reading, o Owner, g access.Grant, f checkpoint.Friday) (Offer, error) {
	if err := r.mayHave(o, g, f.Friday.Friday); err != nil {
		return Offer{}, err
	}
	size, err := d.sizes.of(ctx, r, o, f)
	return Offer{Friday: f.Friday.Friday, Cutoff: f.Cutoff.UTC(), Boundary: f.Boundary, Rows: size.rows, Cases: size.cases}, err
}

// mayHave tells whether there is a book of the owner's as of a Friday that is
// open to the role: the staff of an agency may have that of an agent who was
// the agency's then, too.
func (r *reading) mayHave(o Owner, g access.Grant, f events.Date) error {
	then := r.AsOf(f)
	if o.Agent == "" {
		_, known, err := then.Agency(o.Agency)
		if err != nil || known {
			return err
		}
		return fmt.Errorf("as of Friday %s the agency was not known: %w", f, checkpoint.ErrNone)
	}
	was, known, err := then.Agent(o.Agent)
	if err != nil {
		return err
	}
	if !known {
		return fmt.Errorf("as of Friday %s the agent was not known: %w", f, checkpoint.ErrNone)
	}
	if g.Role != access.Manager && g.Role != access.AdminL1 && g.Role != access.AdminL2 {
		return nil
	}
	is, _, err := r.state.Agent(o.Agent)
	if err == nil && is.AgencyID != was.AgencyID {
		err = fmt.Errorf("as of Friday %s the agent was not of the agency: %w", f, checkpoint.ErrNone)
	}
	return err
}

// friday finds the checkpoint of a Friday, or of the latest, whose book of the
// owner's is open to the role.
func (d *Desk) friday(r *reading, o Owner, g access.Grant, text string) (checkpoint.Friday, error) {
	f, err := r.checkpoint(text)
	if err != nil {
		return f, noBook(err)
	}
	if !g.AnyBook {
		oldest := r.today()
		for range d.LastFridays {
			oldest = r.Calendar().Previous(oldest)
		}
		if f.Friday.Friday < oldest {
			return f, problem.NoBook.With("%s is not among the last %d Fridays, whose books an agent may take.", f.Friday.Friday, d.LastFridays)
		}
	}
	return f, noBook(r.mayHave(o, g, f.Friday.Friday))
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

// sizes remembers how large the books of past Fridays are, which never changes.
type sizes struct {
	mu   sync.Mutex
	kept map[sizeKey]size
}

type sizeKey struct {
	Owner
	friday   events.Date
	boundary uint64
}

type size struct{ rows, cases int }

// keptSizes bounds what is remembered.
const keptSizes = 100_000

func (s *sizes) of(ctx context.Context, r *reading, o Owner, f checkpoint.Friday) (size, error) {
	key := sizeKey{o, f.Friday.Friday, f.Boundary}
	s.mu.Lock()
	have, ok := s.kept[key]
	s.mu.Unlock()
	if ok {
		return have, nil
	}
	then := r.AsOf(f.Friday.Friday)
	agents, err := agentsAt(then, o)
	if err != nil {
		return size{}, err
	}
	var n size
	if n.rows, n.cases, err = book.Count(ctx, then, f.Friday, agents); err != nil {
		return size{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || len(s.kept) >= keptSizes {
		s.kept = map[sizeKey]size{}
	}
	s.kept[key] = n
	return n, nil
}

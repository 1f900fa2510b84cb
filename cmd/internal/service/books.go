package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/projections/access"
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
func (d *Service) Books(ctx context.Context, c Caller, o Owner, part Shelved) (*Shelf, error) {
	r, g, done, err := d.enter(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	s := &Shelf{AsOf: r.Recorded(), AgeSeconds: int(r.age / time.Second), Books: []Offer{}, Grant: g, Owner: o}
	if s.NextFriday = r.today(); s.NextFriday != 0 {
		s.NextCutoff = r.Calendar().Cutoff(s.NextFriday).UTC()
	}
	fridays, err := r.Checkpoints()
	if err != nil {
		return nil, err
	}
	if part.Limit == 0 {
		part.Limit = MaxShelved
	}
	for _, f := range slices.Backward(fridays) {
		if len(s.Books) == part.Limit || !g.AnyBook && f.Friday < d.oldest(r) {
			break
		}
		if part.Before != 0 && f.Friday >= part.Before {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err // counting takes time, and nobody waits for it any more
		}
		if _, err := d.mayHave(ctx, r, c, o, f); err != nil {
			if problem.Of(err).Type == problem.NoBook.Type {
				continue
			}
			return nil, err
		}
		offer, err := d.offer(ctx, r, o, f)
		if err != nil {
			return nil, err
		}
		s.Books = append(s.Books, offer)
	}
	return s, d.noteLook(c, g.Role, "books", o, "")
}

// oldest is the first of the last Fridays, whose books agents may take.
func (d *Service) oldest(r *reading) events.Date {
	oldest := r.today()
	for range d.LastFridays {
		oldest = r.Calendar().Previous(oldest)
	}
	return oldest
}

// offer tells how large a book is.
func (d *Service) offer(ctx context.Context, r *reading, o Owner, f checkpoint.Checkpoint) (Offer, error) {
	size, err := d.size(ctx, r, o, f)
	return Offer{Friday: f.Friday, Cutoff: f.Cutoff.UTC(), Boundary: f.Boundary, Rows: size.rows, Cases: size.cases, Sealed: f.Sealed}, err
}

// mayHave returns the role in which the caller may have the owner's book of a
// Friday: one of their roles alone must be enough. problem.NoBook says why none
// is, or that there is no such book; problem.NotFound that nothing of the
// owner's is open to them.
func (d *Service) mayHave(ctx context.Context, r *reading, c Caller, o Owner, f checkpoint.Checkpoint) (access.Role, error) {
	roles, err := r.roles(c, o)
	if err != nil {
		return "", err
	}
	if len(roles) == 0 {
		return "", problem.NotFound.Because(access.ErrNone)
	}
	if err := r.isBook(o, f); err != nil {
		return "", err
	}
	var why error
	for _, g := range roles {
		if why = d.refusal(ctx, r, g, o, f); why == nil {
			return g.Role, nil
		}
		if problem.Of(why).Type != problem.NoBook.Type {
			return "", why
		}
	}
	return "", why
}

func (r *reading) roles(c Caller, o Owner) ([]access.Grant, error) {
	if o.Agent != "" {
		return access.RolesOfAgent(r.state, c.Person, o.Agent)
	}
	return access.RolesOfAgency(r.state, c.Person, o.Agency)
}

// isBook tells whether an owner has a book of a Friday.
func (r *reading) isBook(o Owner, f checkpoint.Checkpoint) error {
	then := r.AsOf(f.Friday)
	who, known := "agent", false
	var err error
	if o.Agent != "" {
		_, known, err = then.Agent(o.Agent)
	} else {
		var agents []string
		if _, known, err = then.Agency(o.Agency); err == nil && !known {
			agents, err = agentsAt(then, o)
			known = len(agents) > 0
		}
		who = "agency"
	}
	if err == nil && !known {
		err = problem.NoBook.With("As of Friday %s the %s was not known.", f.Friday, who)
	}
	return err
}

// refusal tells why a role is not enough for the book of a Friday, nil if it
// is.
func (d *Service) refusal(ctx context.Context, r *reading, g access.Grant, o Owner, f checkpoint.Checkpoint) error {
	day := f.Friday
	switch {
	case !g.AnyBook && day < d.oldest(r):
		return problem.NoBook.With("%s is not among the last %d Fridays, whose books an agent may take.", day, d.LastFridays)
	case g.Role == access.AdminL1 && o.Agent == "":
		return d.levelOne(ctx, r, o, f)
	case !g.Role.OfStaff() || o.Agent == "":
		return nil
	}
	// An agent who came later brings no past into an agency.
	was, _, err := r.AsOf(day).Agent(o.Agent)
	if err != nil {
		return err
	}
	is, _, err := r.state.Agent(o.Agent)
	if err == nil && is.AgencyID != was.AgencyID {
		err = problem.NoBook.With("As of Friday %s the agent was not of the agency.", day)
	}
	return err
}

// levelOne refuses level-1 staff an agency's book that holds consumers of an
// agent who is not certified any more: the book is the same whoever takes it.
func (d *Service) levelOne(ctx context.Context, r *reading, o Owner, f checkpoint.Checkpoint) error {
	agents, err := agentsAt(r.AsOf(f.Friday), o)
	if err != nil {
		return err
	}
	for _, id := range agents {
		agent, _, err := r.state.Agent(id)
		if err == nil && !agent.Certified {
			var held size
			if held, err = d.size(ctx, r, Owner{Agent: id}, f); err == nil && held.cases > 0 {
				err = problem.NoBook.With("That of Friday %s holds consumers of an agent who is not certified any more, which level-1 staff may not see. Ask a manager for it.", f.Friday)
			}
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// friday finds the checkpoint of a Friday, or of the latest, whose book of the
// owner's is open to the caller, and in which role.
func (d *Service) friday(ctx context.Context, r *reading, c Caller, o Owner, text string) (checkpoint.Checkpoint, access.Role, error) {
	f, err := r.checkpoint(text)
	if err != nil {
		return f, "", noBook(err)
	}
	role, err := d.mayHave(ctx, r, c, o, f)
	return f, role, err
}

func (r *reading) checkpoint(text string) (checkpoint.Checkpoint, error) {
	if text == "latest" {
		return r.Latest()
	}
	day, err := events.ParseDate(text)
	if err != nil || day == 0 {
		return checkpoint.Checkpoint{}, fmt.Errorf("a book is named by its Friday, like 2026-11-20, or by the word latest: %w", checkpoint.ErrNone)
	}
	return r.Checkpoint(day)
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
func (d *Service) size(ctx context.Context, r *reading, o Owner, f checkpoint.Checkpoint) (size, error) {
	s := &d.sizes
	key := sizeKey{o, f.Friday, f.Boundary, r.Generation()}
	s.mu.Lock()
	have, ok := s.kept[key]
	s.mu.Unlock()
	if ok {
		return have, nil
	}
	counted, err, _ := s.counting.Do(fmt.Sprint(key), func() (any, error) {
		then := r.AsOf(f.Friday)
		agents, err := agentsAt(then, o)
		if err != nil {
			return size{}, err
		}
		var n size
		if n.rows, n.cases, err = book.Count(context.WithoutCancel(ctx), then, f.Week, agents); err != nil {
			return n, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.kept == nil || len(s.kept) >= keptSizes {
			s.kept = map[sizeKey]size{}
		}
		s.kept[key] = n
		return n, nil
	})
	if err != nil {
		return size{}, err
	}
	return counted.(size), nil
}

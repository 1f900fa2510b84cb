package service

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
)

// BookList are the books of an owner that the caller can have.
type BookList struct {
	Freshness
	Books      []AvailableBook `json:"books" doc:"The books, the newest first; none before the first Friday."`
	NextFriday events.Date     `json:"next_friday" format:"DateOrBlank" doc:"The Friday whose book comes next; blank while nothing is recorded."`
	NextCutoff time.Time       `json:"next_cutoff" doc:"The moment as of which it will be; the year 1 while nothing is recorded."`
}

// AvailableBook is one book that can be had.
type AvailableBook struct {
	Friday   events.Date `json:"friday" format:"Date" doc:"Its Friday."`
	Cutoff   time.Time   `json:"cutoff" doc:"The moment as of which it is."`
	Boundary uint64      `json:"boundary" format:"Count" doc:"The sequence of the last record that it shows."`
	Rows     int         `json:"rows" format:"Count" doc:"How many rows it has."`
	Cases    int         `json:"cases" format:"Count" doc:"How many cases it has."`
	Sealed   bool        `json:"sealed" doc:"Whether the Friday is sealed."`
}

// Books returns up to limit of an owner's books that the caller can have, those
// before a Friday or, where that is 0, from the newest on. To count the books of
// large agencies takes time.
func (s *Service) Books(ctx context.Context, c Caller, o Owner, before events.Date, limit int) (*BookList, error) {
	r, g, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	list := &BookList{Freshness: r.freshness(), Books: []AvailableBook{}}
	if list.NextFriday = r.OpenFriday(); list.NextFriday != 0 {
		list.NextCutoff = r.Calendar().Cutoff(list.NextFriday).UTC()
	}
	fridays, err := r.Checkpoints()
	if err != nil {
		return nil, err
	}
	for _, f := range slices.Backward(fridays) {
		if len(list.Books) == limit {
			break
		}
		if before != 0 && f.Friday >= before {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err // counting takes time, and nobody waits for it any more
		}
		if _, err := s.mayDownload(r, c, o, f); err != nil {
			if problem.From(err).Type == problem.NoBook.Type {
				continue
			}
			return nil, err
		}
		offer, err := s.availableBook(ctx, r, o, f)
		if err != nil {
			return nil, err
		}
		list.Books = append(list.Books, offer)
	}
	return list, s.logAccess(c, g.Role, "books", o, "")
}

// offer tells how large a book is.
func (s *Service) availableBook(ctx context.Context, r *snapshot, o Owner, f checkpoint.Checkpoint) (AvailableBook, error) {
	size, err := s.size(ctx, r, o, f)
	return AvailableBook{Friday: f.Friday, Cutoff: f.Cutoff.UTC(), Boundary: f.Boundary, Rows: size.rows, Cases: size.cases, Sealed: f.Sealed}, err
}

// sizes remembers how large the books of past Fridays are, which never change.
type sizes struct {
	counting singleflight.Group
	mu       sync.Mutex
	byKey     map[sizeKey]size
}

type sizeKey struct {
	Owner
	friday   events.Date
	boundary uint64
	store    int // the projection's, which another version may fill otherwise
}

type size struct{ rows, cases int }

// keptSizes bounds what is remembered.
const maxSizes = 100_000

// size returns how large a book is; several who ask at once wait for one
// count, which goes on although one of them has gone.
func (s *Service) size(ctx context.Context, r *snapshot, o Owner, f checkpoint.Checkpoint) (size, error) {
	sizes := &s.sizes
	key := sizeKey{o, f.Friday, f.Boundary, r.Generation()}
	sizes.mu.Lock()
	have, ok := sizes.byKey[key]
	sizes.mu.Unlock()
	if ok {
		return have, nil
	}
	counted, err, _ := sizes.counting.Do(fmt.Sprint(key), func() (any, error) {
		then := r.AsOf(f.Friday)
		agents := []string{o.Agent}
		var n size
		var err error
		if o.Agent == "" {
			if agents, err = book.AgencyAgents(then, o.Agency); err != nil {
				return nil, err
			}
		}
		if n.rows, n.cases, err = book.Count(context.WithoutCancel(ctx), then, f.Week, agents); err != nil {
			return n, err
		}
		sizes.mu.Lock()
		defer sizes.mu.Unlock()
		if sizes.byKey == nil || len(sizes.byKey) >= maxSizes {
			sizes.byKey = map[sizeKey]size{}
		}
		sizes.byKey[key] = n
		return n, nil
	})
	if err != nil {
		return size{}, err
	}
	return counted.(size), nil
}

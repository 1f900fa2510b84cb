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

// BookList contains the books of an owner that the caller may download.
type BookList struct {
	Freshness
	Books      []AvailableBook `json:"books" doc:"The books, newest first. Empty before the first cutoff."`
	NextFriday events.Date     `json:"next_friday" format:"DateOrBlank" doc:"The Friday of the next book. Blank if the journal is empty."`
	NextCutoff time.Time       `json:"next_cutoff" doc:"The cutoff of the next book. In the year 1 if the journal is empty."`
}

// AvailableBook describes one book that the caller may download.
type AvailableBook struct {
	Friday   events.Date `json:"friday" format:"Date" doc:"The Friday of the book."`
	Cutoff   time.Time   `json:"cutoff" doc:"The cutoff. The book shows data as of this time."`
	Boundary uint64      `json:"boundary" format:"Count" doc:"The sequence of the last record that the book covers."`
	Rows     int         `json:"rows" format:"Count" doc:"The number of rows."`
	Cases    int         `json:"cases" format:"Count" doc:"The number of cases."`
	Sealed   bool        `json:"sealed" doc:"Whether the book's Friday is sealed."`
}

// Books returns up to limit of the owner's books that the caller may download,
// newest first. It starts before the given Friday, or with the newest book if
// before is 0. Counting the rows of a large agency's books takes time.
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
			return nil, err // counting is slow, and the client has disconnected
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

// availableBook describes a book with its size.
func (s *Service) availableBook(ctx context.Context, r *snapshot, o Owner, f checkpoint.Checkpoint) (AvailableBook, error) {
	size, err := s.size(ctx, r, o, f)
	return AvailableBook{Friday: f.Friday, Cutoff: f.Cutoff.UTC(), Boundary: f.Boundary, Rows: size.rows, Cases: size.cases, Sealed: f.Sealed}, err
}

// sizes caches the sizes of books. A past book never changes.
type sizes struct {
	counting singleflight.Group
	mu       sync.Mutex
	byKey    map[sizeKey]size
}

type sizeKey struct {
	Owner
	friday   events.Date
	boundary uint64
	store    int // generation of the store: another version of the code may count differently
}

type size struct{ rows, cases int }

// maxSizes is the most sizes in the cache. A full cache is cleared.
const maxSizes = 100_000

// size returns the number of rows and cases in a book. Concurrent callers share
// one count, which continues if one of them disconnects.
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

package service

import (
	"context"
	"errors"
	"time"

	"bookledger/cmd/internal/problem"
	"bookledger/events"
	"bookledger/projections/access"
	"bookledger/projections/checkpoint"
	"bookledger/projections/list"
)

// OwnerInfo is what a page says of an owner as a whole. It holds no consumer data.
type OwnerInfo struct {
	Owner      Owner
	Name       string // of the agent or the agency
	Certified  bool   // of an agent
	AgencyID   string // of an agent
	AgencyName string
	SeesAgency bool              // the caller may see the agency
	Agents     map[string]string // of an agency: its agents' names, by id

	Latest       events.Date // whose book is current; 0 before the first
	LatestCutoff time.Time
	NextFriday   events.Date // whose book comes next; 0 before the first record
	NextCutoff   time.Time
}

// About tells of an owner as a whole.
func (s *Service) About(c Caller, o Owner) (*OwnerInfo, error) {
	r, _, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	return r.ownerInfo(c, o)
}

// about is About of an owner who is open to the caller.
func (r *snapshot) ownerInfo(c Caller, o Owner) (*OwnerInfo, error) {
	a := &OwnerInfo{Owner: o, AgencyID: o.Agency}
	if o.Agent != "" {
		agent, _, err := r.state.Agent(o.Agent)
		if err != nil {
			return nil, err
		}
		a.Name, a.Certified, a.AgencyID = agent.Name(), agent.Certified, agent.AgencyID
	}
	if a.AgencyID != "" {
		agency, _, err := r.state.Agency(a.AgencyID)
		if err != nil {
			return nil, err
		}
		a.AgencyName = agency.Name
		_, err = access.GrantFor(r.state, c.Person, Owner{Agency: a.AgencyID})
		if a.SeesAgency = err == nil; err != nil && !errors.Is(err, access.NotVisible) {
			return nil, err
		}
	}
	if o.Agent == "" {
		a.Name = a.AgencyName
		ids, err := r.agents(c, o)
		if err != nil {
			return nil, err
		}
		a.Agents = make(map[string]string, len(ids))
		for _, id := range ids {
			agent, _, err := r.state.Agent(id)
			if err != nil {
				return nil, err
			}
			a.Agents[id] = agent.Name()
		}
	}
	return a, r.addFridays(a)
}

// aboutFridays tells which book is current and which comes next.
func (r *snapshot) addFridays(a *OwnerInfo) error {
	if a.NextFriday = r.OpenFriday(); a.NextFriday == 0 {
		return nil
	}
	a.NextCutoff = r.Calendar().Cutoff(a.NextFriday).UTC()
	last, err := r.View.Checkpoint(0)
	if errors.Is(err, checkpoint.ErrNoCheckpoint) {
		return nil
	}
	a.Latest, a.LatestCutoff = last.Friday, last.Cutoff.UTC()
	return err
}

// Overview is how many consumers stand in an owner's lists.
type Overview struct {
	OwnerInfo
	Freshness
	Active   int
	Inactive int
	Pending  int
	ByType   []list.TypeCount // of the active ones
}

// Overview counts the consumers of an owner.
func (s *Service) Overview(c Caller, o Owner) (*Overview, error) {
	r, _, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	a, err := r.ownerInfo(c, o)
	if err != nil {
		return nil, err
	}
	lists, err := r.lists(c, o)
	if err != nil {
		return nil, err
	}
	return &Overview{
		OwnerInfo: *a, Freshness: r.freshness(),
		Active: lists.Active.Len(), Inactive: lists.Inactive.Len(), Pending: lists.Pending.Len(),
		ByType: lists.Active.CountByType(r.OpenFriday().Year()),
	}, nil
}

// Book tells of one book that the caller can have; its error gives the reason
// why there is none.
func (s *Service) Book(ctx context.Context, c Caller, o Owner, friday string) (*AvailableBook, error) {
	r, _, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	if r.age > 0 {
		return nil, problem.Unavailable.WithDetail("The ledger's journal has not answered for a while, and no book can be taken until it does. Try again in a little while.")
	}
	f, _, err := s.authorizeBook(r, c, o, friday)
	if err != nil {
		return nil, err
	}
	offer, err := s.availableBook(ctx, r, o, f)
	return &offer, err
}

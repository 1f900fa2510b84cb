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

// OwnerInfo describes an agent or agency and its next and latest books. It
// contains no consumer data.
type OwnerInfo struct {
	Owner      Owner
	Name       string // the name of the agent or agency
	Certified  bool   // for an agent: is certified
	AgencyID   string // for an agent: the agency, or ""
	AgencyName string
	SeesAgency bool              // reports whether the caller may see the agency
	Agents     map[string]string // for an agency: the names of its agents, by ID

	Latest       events.Date // the Friday of the latest book; 0 before the first cutoff
	LatestCutoff time.Time
	NextFriday   events.Date // the Friday of the next book; 0 before the first record
	NextCutoff   time.Time
}

// About describes an owner.
func (s *Service) About(c Caller, o Owner) (*OwnerInfo, error) {
	r, _, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	return r.ownerInfo(c, o)
}

// ownerInfo describes an owner that the caller may see.
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

// addFridays sets the Fridays of the latest book and of the next one.
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

// Overview contains the number of consumers in each list of an owner.
type Overview struct {
	OwnerInfo
	Freshness
	Active   int
	Inactive int
	Pending  int
	ByType   []list.TypeCount // the active consumers by household type
}

// Overview counts the consumers in each list of an owner.
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

// Book describes one book that the caller may download. If there is none, the
// error is a problem that gives the reason.
func (s *Service) Book(ctx context.Context, c Caller, o Owner, friday string) (*AvailableBook, error) {
	r, _, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	if r.age > 0 {
		return nil, problem.Unavailable.WithDetail("The ledger's journal can't be reached. Books can't be downloaded until it answers. Try again shortly.")
	}
	f, _, err := s.authorizeBook(r, c, o, friday)
	if err != nil {
		return nil, err
	}
	offer, err := s.availableBook(ctx, r, o, f)
	return &offer, err
}

package audit

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"bookledger/events"
	"bookledger/projections"
	"bookledger/projections/access"
	"bookledger/projections/book"
	"bookledger/projections/fold"
	"bookledger/projections/replay"
)

// Export is a step of an export, and whether it was allowed.
type Export struct {
	projections.ExportStep
	// Check begins with "allowed", "not allowed: " or "not decidable: ". It is
	// blank for a step after which no book is sent, and if nothing was checked.
	Check string `json:"check,omitempty"`
}

const notAllowed = "not allowed: "

// Refused reports whether the check found that the step was not allowed.
func (e *Export) Refused() bool { return strings.HasPrefix(e.Check, notAllowed) }

// owner returns the owner of the exported book.
func (e *Export) owner() Owner { return Owner{Agent: e.AgentID, Agency: e.AgencyID} }

// unchecked returns a trail without checks.
func unchecked(trail []projections.ExportStep) []Export {
	all := make([]Export, len(trail))
	for i := range trail {
		all[i].ExportStep = trail[i]
	}
	return all
}

// CheckExports decides again, for each step of the trail after which a book may
// be sent, whether it was allowed in its role, given the ledger at the step's
// record. r and steps are a replay of the ledger from its beginning. Agents may
// download the books of the last fridays Fridays.
func CheckExports(r *replay.Replay, steps iter.Seq2[replay.Step, error], trail []projections.ExportStep, fridays int) ([]Export, error) {
	all := unchecked(trail)
	exports, weeks := map[uint64]*Export{}, map[events.Date]*pastState{}
	for i := range all {
		e := &all[i]
		if e.Step != "requested" && e.Step != "made" {
			continue
		}
		if weeks[e.Friday] == nil {
			weeks[e.Friday] = &pastState{owners: map[Owner]bool{}}
		}
		exports[e.Seq] = e
		owners := weeks[e.Friday].owners
		owners[e.owner()] = owners[e.owner()] || e.Role == string(access.AdminL1)
	}
	for step, err := range steps {
		switch {
		case err != nil:
		case step.Checkpoint != nil:
			if w := weeks[step.Checkpoint.Friday]; w != nil {
				err = w.capture(r.State())
			}
		case exports[step.Record.Seq] != nil:
			e := exports[step.Record.Seq]
			last := e.Friday >= access.FirstRecentFriday(r.Calendar(), r.OpenFriday(), fridays)
			e.Check, err = e.check(r.State(), weeks[e.Friday], last)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (e *Export) check(now access.State, then *pastState, last bool) (string, error) {
	if then.agents == nil {
		return fmt.Sprintf(notAllowed+"the cutoff of %s had not passed", e.Friday), nil
	}
	role := access.Role(e.Role)
	why := access.CouldDownload(now, then, e.PersonID, role, e.owner(), last)
	if _, refused := errors.AsType[access.Refusal](why); why != nil && !refused {
		return "", why
	}
	switch {
	case why == access.NotVisible:
		return fmt.Sprintf(notAllowed+"in the role %s the person had no access to the book", role), nil
	case why != nil:
		return notAllowed + why.Error(), nil
	case role == access.Agent:
		return "allowed if the token named the person as agent " + e.AgentID, nil
	case role == access.Auditor || role == access.Operator:
		return fmt.Sprintf("not decidable: %s is a role in the token", role), nil
	}
	return "allowed", nil
}

// pastState is the ledger as of the book of a Friday, reduced to what decides
// access to the books of some owners.
type pastState struct {
	owners   map[Owner]bool        // true if access depends on whose consumers the agency's book contains
	agents   map[string]fold.Agent // nil until the cutoff has passed
	agencies map[string]fold.Agency
	cases    map[string]*fold.Case // one delegated case of each agent, by agent
}

// capture copies what access depends on from the state as of the Friday.
func (p *pastState) capture(s book.State) error {
	p.agents, p.agencies, p.cases = map[string]fold.Agent{}, map[string]fold.Agency{}, map[string]*fold.Case{}
	for o := range p.owners {
		agency, known, err := s.Agency(o.Agency)
		if err != nil {
			return err
		}
		if known {
			p.agencies[o.Agency] = agency
		}
	}
	return s.EachAgent(func(id string, a *fold.Agent) error {
		needsCases, inAgency := p.owners[Owner{Agency: a.AgencyID}]
		if _, itself := p.owners[Owner{Agent: id}]; itself || inAgency {
			p.agents[id] = *a
		}
		if !needsCases {
			return nil
		}
		return s.EachHeld(id, func(_ string, c *fold.Case) error {
			if book.InBook(c) {
				p.cases[id] = c
			}
			return nil
		})
	})
}

func (p *pastState) Agent(id string) (fold.Agent, bool, error) {
	a, known := p.agents[id]
	return a, known, nil
}

func (p *pastState) Agency(id string) (fold.Agency, bool, error) {
	a, known := p.agencies[id]
	return a, known, nil
}

func (p *pastState) EachAgentOf(agency string, yield func(string, *fold.Agent) error) error {
	for id, a := range p.agents {
		if a.AgencyID == agency {
			if err := yield(id, &a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pastState) EachHeld(agent string, yield func(string, *fold.Case) error) error {
	if c := p.cases[agent]; c != nil {
		return yield("", c)
	}
	return nil
}

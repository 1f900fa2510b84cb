package admission

import (
	"fmt"

	"bookledger/events"
	"bookledger/projections/book"
	"bookledger/projections/checkpoint"
	"bookledger/projections/fold"
)

// change is the effect of one event.
type change struct {
	data    events.Data
	at      fold.Position
	changed bool // the event changes the state

	before, after *fold.Case // for an event about a case
	agentID       string     // for an event about an agent
	agent         fold.Agent
	agentKnown    bool // the agent was known before the event
	agency        fold.Agency
	staff         fold.Staff
}

// derive applies the rules for the event's type and stores the effect in c. It does
// not change the state.
func (p *Processor) derive(c *change, s State) (rejection *events.Rejection, err error) {
	switch d := c.data.(type) {
	case events.CaseData:
		if c.before, err = s.Case(d.Case()); err != nil {
			return nil, err
		}
		after, changes, rejection := fold.NextCase(*c.before, d, c.at)
		c.after, c.changed = &after, changes
		return rejection, nil
	case *events.AgentCertified:
		return c.deriveAgent(d.AgentID, s)
	case *events.AgentMoved:
		return c.deriveAgent(d.AgentID, s)
	case *events.AgentDecertified:
		return c.deriveAgent(d.AgentID, s)
	case *events.AgencyRegistered:
		agency, _, err := s.Agency(d.AgencyID)
		c.agency, c.changed = fold.NextAgency(agency, d)
		return nil, err
	case *events.StaffAssigned:
		return nil, c.deriveStaff(&d.Staff, s)
	case *events.StaffRemoved:
		return nil, c.deriveStaff(&d.Staff, s)
	case *events.Genesis:
		if c.at.Seq != 1 {
			return &events.Rejection{Code: events.Schema, Field: "data", Reason: "genesis must be the ledger's first record"}, nil
		}
		if d.Rules != fold.RulesNumber {
			return nil, fmt.Errorf("the ledger starts with rules %d, but this release supports rules %d: use a newer release", d.Rules, fold.RulesNumber)
		}
	case *events.Rules:
		if d.Rules != fold.RulesNumber {
			return nil, fmt.Errorf("the ledger continues with rules %d, but this release supports rules %d: use a newer release", d.Rules, fold.RulesNumber)
		}
		return nil, nil
	case *events.Sealed:
		sealed, err := s.HasSeal(d.Friday) // the first seal counts
		c.changed = !sealed
		return nil, err
	case *events.HistoryClosed:
		c.changed = !p.Timeline.Closed
		return nil, nil
	}
	c.changed = true // clock events, signatures and export steps always count as a change
	return nil, nil
}

func (c *change) deriveAgent(id string, s State) (rejection *events.Rejection, err error) {
	agent, known, err := s.Agent(id)
	c.agentID, c.agentKnown = id, known
	c.agent, c.changed, rejection = fold.NextAgent(agent, c.data)
	return rejection, err
}

func (c *change) deriveStaff(d *events.Staff, s State) error {
	staff, err := s.Staff(d.AgencyID, d.PersonID)
	c.staff, c.changed = fold.NextStaff(staff, c.data)
	return err
}

// applyChange writes the change to the state and to p.
func (p *Processor) applyChange(c *change, s State) error {
	switch d := c.data.(type) {
	case events.CaseData:
		return p.applyCase(d, c, s)
	case *events.AgentCertified, *events.AgentMoved, *events.AgentDecertified:
		if !c.agentKnown {
			p.Agents++
		}
		return s.PutAgent(c.agentID, c.agent)
	case *events.AgencyRegistered:
		return s.PutAgency(d.AgencyID, c.agency)
	case *events.StaffAssigned:
		return s.PutStaff(d.AgencyID, d.PersonID, c.staff)
	case *events.StaffRemoved:
		return s.PutStaff(d.AgencyID, d.PersonID, c.staff)
	case *events.Genesis:
		p.LedgerID, p.Genesis, p.SealKey = d.LedgerID, &d.Calendar, d.SealKey
		return p.Resume()
	case *events.Sealed:
		return s.PutSeal(checkpoint.Seal{Seq: c.at.Seq, Sealed: *d})
	case *events.SealSigned:
		return s.AddSignature(checkpoint.Signature{Seq: c.at.Seq, SealSigned: *d})
	case *events.SealKeyChanged:
		p.KeyChanges = append(p.KeyChanges, checkpoint.KeyChange{Seq: c.at.Seq, Note: d.Note})
	case *events.ExportRequested:
		return s.AddExportStep(ExportStep{c.at.Seq, c.at.Recorded, "requested", d.Export})
	case *events.ExportDeclined:
		return s.AddExportStep(ExportStep{c.at.Seq, c.at.Recorded, "declined", d.Export})
	case *events.ExportDenied:
		return s.AddExportStep(ExportStep{c.at.Seq, c.at.Recorded, "denied", d.Export})
	case *events.ExportMade:
		return s.AddExportStep(ExportStep{c.at.Seq, c.at.Recorded, "made", d.Export})
	}
	return nil
}

func (p *Processor) applyCase(d events.CaseData, c *change, s State) error {
	for _, id := range fold.Agents(d) { // naming an agent in a delegation makes them known
		_, known, err := s.Agent(id)
		if err != nil {
			return err
		}
		if !known {
			p.Agents++
			if err := s.PutAgent(id, fold.Agent{}); err != nil {
				return err
			}
		}
	}
	if c.before.Changed.Seq == 0 {
		p.Cases++
	}
	if book.InBook(c.before) {
		p.Tally.Remove(book.ExtentOf(c.before))
	}
	if book.InBook(c.after) {
		p.Tally.Add(book.ExtentOf(c.after))
	}
	return s.PutCase(d.Case(), c.before, c.after)
}

package book

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bookledger/events"
	"bookledger/projections/fold"
)

// ErrUnknownOwner is returned for an agent or agency that no applied event has named.
var ErrUnknownOwner = errors.New("nobody knows it")

// State is the cases, agents and agencies of a ledger at one moment, from which
// books are made.
type State interface {
	// Agent returns an agent and whether it is known.
	Agent(id string) (agent fold.Agent, known bool, err error)
	// Agency returns an agency and whether it is known.
	Agency(id string) (agency fold.Agency, known bool, err error)
	// EachAgent calls yield with every known agent, by id.
	EachAgent(yield func(id string, agent *fold.Agent) error) error
	// EachAgentOf calls yield with every agent who is the agency's own, by id.
	EachAgentOf(agency string, yield func(id string, agent *fold.Agent) error) error
	// EachHeld calls yield with every case that the agent holds, by case id,
	// the closed ones too. The case is the callee's to keep.
	EachHeld(agent string, yield func(id string, c *fold.Case) error) error
}

// Week is a week of the ledger, which ends at the cutoff as of which books are
// made.
type Week struct {
	Friday   events.Date `json:"friday" format:"Date" doc:"The Friday."`
	Cutoff   time.Time   `json:"cutoff" doc:"Its cutoff."` // in UTC
	Boundary uint64      `json:"boundary" format:"Count" doc:"The sequence of the last record before it."`
}

// Book is a Book of Business: of one agent, or of all agents of an agency.
type Book struct {
	Week
	AgentID  string     // "" in an agency's book
	Agent    fold.Agent // of AgentID
	AgencyID string     // the agent's agency, or the agency whose book it is
	Agency   fold.Agency
	Agents   int // how many agents' consumers it unites
	Zone     *time.Location
	Rows     []Row
}

// ForOwner makes the book of an agent or, where that is blank, of an agency.
func ForOwner(ctx context.Context, s State, calendar *events.Calendar, f Week, agentID, agencyID string) (*Book, error) {
	if agentID != "" {
		return ForAgent(ctx, s, calendar, f, agentID)
	}
	return ForAgency(ctx, s, calendar, f, agencyID)
}

// ForAgent makes the book of an agent from the state at a Friday's cutoff. An
// agent without consumers has a book without rows; ErrUnknown if nobody knows
// the agent.
func ForAgent(ctx context.Context, s State, calendar *events.Calendar, f Week, agentID string) (*Book, error) {
	agent, known, err := s.Agent(agentID)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, fmt.Errorf("agent %q as of Friday %s: %w", agentID, f.Friday, ErrUnknownOwner)
	}
	b := &Book{Week: f, AgentID: agentID, Agent: agent, AgencyID: agent.AgencyID, Zone: calendar.Zone()}
	if agent.AgencyID != "" {
		if b.Agency, _, err = s.Agency(agent.AgencyID); err != nil {
			return nil, err
		}
	}
	return b, b.fill(ctx, s, calendar, []string{agentID})
}

// AgencyAgents returns the agents whose consumers are in an agency's book, by id:
// those who are the agency's own.
func AgencyAgents(s State, agencyID string) (ids []string, err error) {
	err = s.EachAgentOf(agencyID, func(id string, _ *fold.Agent) error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

// ForAgency makes the book that unites those of the agency's agents at the
// Friday's cutoff.
func ForAgency(ctx context.Context, s State, calendar *events.Calendar, f Week, agencyID string) (*Book, error) {
	agency, known, err := s.Agency(agencyID)
	if err != nil {
		return nil, err
	}
	ids, err := AgencyAgents(s, agencyID)
	if err != nil {
		return nil, err
	}
	if !known && len(ids) == 0 {
		return nil, fmt.Errorf("agency %q as of Friday %s: %w", agencyID, f.Friday, ErrUnknownOwner)
	}
	b := &Book{Week: f, AgencyID: agencyID, Agency: agency, Zone: calendar.Zone()}
	return b, b.fill(ctx, s, calendar, ids)
}

func (b *Book) fill(ctx context.Context, s State, calendar *events.Calendar, ids []string) error {
	b.Agents = len(ids)
	for _, id := range ids {
		agent, _, err := s.Agent(id)
		if err != nil {
			return err
		}
		err = s.EachHeld(id, func(caseID string, c *fold.Case) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if InBook(c) {
				b.Rows = appendRows(b.Rows, caseID, c, &agent, calendar.Day(c.Since), b.Friday.Year())
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("making the book of Friday %s: %w", b.Friday, err)
		}
	}
	order := make([]int32, len(b.Rows)) // rows are large, so their places are sorted
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return compareRows(&b.Rows[i], &b.Rows[j]) })
	sorted := make([]Row, len(b.Rows))
	for to, from := range order {
		sorted[to] = b.Rows[from]
	}
	b.Rows = sorted
	return nil
}

// Count returns how many rows and cases the book of these agents would have,
// without making it; an agent whom nobody knows adds none.
func Count(ctx context.Context, s State, f Week, agents []string) (rows, cases int, err error) {
	for _, id := range agents {
		err := s.EachHeld(id, func(_ string, c *fold.Case) error {
			if InBook(c) {
				e := ExtentOf(c)
				rows += e.Rows * max(1, len(ShownYears(e.Years, f.Friday.Year())))
				cases++
			}
			return ctx.Err()
		})
		if err != nil {
			return 0, 0, fmt.Errorf("counting the rows of a book of Friday %s: %w", f.Friday, err)
		}
	}
	return rows, cases, nil
}

// TypeCount is how many rows and cases of a book are of one household type; a
// case of two types in two years counts once in each.
type TypeCount struct {
	HouseholdType string
	Rows, Cases   int
}

// Counts returns the counts by household type, in the order of
// HouseholdTypes, and the number of cases in all.
func (b *Book) Counts() (byType []TypeCount, cases int) {
	types := HouseholdTypes()
	byType = make([]TypeCount, len(types))
	last := make([]*fold.Case, len(types))
	var lastCase *fold.Case
	for i := range b.Rows {
		r := &b.Rows[i]
		t := slices.Index(types, r.HouseholdType)
		byType[t].Rows++
		if last[t] != r.Case { // the rows of a case stand together
			byType[t].Cases++
			last[t] = r.Case
		}
		if lastCase != r.Case {
			cases++
			lastCase = r.Case
		}
	}
	for i, t := range types {
		byType[i].HouseholdType = t
	}
	return byType, cases
}

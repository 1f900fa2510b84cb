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

// ErrUnknownOwner is returned for an agent or agency that no applied event has
// named.
var ErrUnknownOwner = errors.New("not known to the ledger")

// State is a snapshot of the cases, agents and agencies from which books are
// built.
type State interface {
	// Agent returns an agent and reports whether the agent is known.
	Agent(id string) (agent fold.Agent, known bool, err error)
	// Agency returns an agency and reports whether it is known.
	Agency(id string) (agency fold.Agency, known bool, err error)
	// EachAgent calls yield for every known agent, in order of id.
	EachAgent(yield func(id string, agent *fold.Agent) error) error
	// EachAgentOf calls yield for every agent who belongs to the agency, in
	// order of id.
	EachAgentOf(agency string, yield func(id string, agent *fold.Agent) error) error
	// EachHeld calls yield for every case that the agent holds, including closed
	// cases, in order of case id. The callee may keep the case.
	EachHeld(agent string, yield func(id string, c *fold.Case) error) error
}

// Week is the week that ends at a cutoff. A book shows the state at the cutoff.
type Week struct {
	Friday   events.Date `json:"friday" format:"Date" doc:"The Friday on which the week ends."`
	Cutoff   time.Time   `json:"cutoff" doc:"Time of the cutoff."` // in UTC
	Boundary uint64      `json:"boundary" format:"Count" doc:"Sequence of the last record at or before the cutoff."`
}

// Book is the Book of Business of one agent, or of all agents of an agency.
type Book struct {
	Week
	AgentID  string     // "" in an agency's book
	Agent    fold.Agent // the agent with AgentID
	AgencyID string     // the agent's agency, or the owner of an agency's book
	Agency   fold.Agency
	Agents   int // the number of agents whose consumers the book contains
	Zone     *time.Location
	Rows     []Row
}

// ForOwner builds the book of an agent or, if agentID is blank, of an agency. It
// returns ErrUnknownOwner for an unknown owner.
func ForOwner(ctx context.Context, s State, calendar *events.Calendar, week Week, agentID, agencyID string) (*Book, error) {
	if agentID != "" {
		return ForAgent(ctx, s, calendar, week, agentID)
	}
	return ForAgency(ctx, s, calendar, week, agencyID)
}

// ForAgent builds the book of an agent from the state at a Friday's cutoff. The
// book of an agent without consumers has no rows. ForAgent returns ErrUnknownOwner
// for an unknown agent.
func ForAgent(ctx context.Context, s State, calendar *events.Calendar, week Week, agentID string) (*Book, error) {
	agent, known, err := s.Agent(agentID)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, fmt.Errorf("agent %q as of %s: %w", agentID, week.Friday, ErrUnknownOwner)
	}
	b := &Book{Week: week, AgentID: agentID, Agent: agent, AgencyID: agent.AgencyID, Zone: calendar.Zone()}
	if agent.AgencyID != "" {
		if b.Agency, _, err = s.Agency(agent.AgencyID); err != nil {
			return nil, err
		}
	}
	return b, b.addRows(ctx, s, calendar, []string{agentID})
}

// AgencyAgents returns the ids of the agents who belong to an agency, in order. The
// agency's book contains their consumers.
func AgencyAgents(s State, agencyID string) (ids []string, err error) {
	err = s.EachAgentOf(agencyID, func(id string, _ *fold.Agent) error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

// ForAgency builds the book of an agency from the state at a Friday's cutoff. It
// unites the books of the agents who belong to the agency at the cutoff. ForAgency
// returns ErrUnknownOwner for an unknown agency.
func ForAgency(ctx context.Context, s State, calendar *events.Calendar, week Week, agencyID string) (*Book, error) {
	agency, known, err := s.Agency(agencyID)
	if err != nil {
		return nil, err
	}
	ids, err := AgencyAgents(s, agencyID)
	if err != nil {
		return nil, err
	}
	if !known && len(ids) == 0 {
		return nil, fmt.Errorf("agency %q as of %s: %w", agencyID, week.Friday, ErrUnknownOwner)
	}
	b := &Book{Week: week, AgencyID: agencyID, Agency: agency, Zone: calendar.Zone()}
	return b, b.addRows(ctx, s, calendar, ids)
}

// addRows adds the rows of these agents' cases and sorts all rows.
func (b *Book) addRows(ctx context.Context, s State, calendar *events.Calendar, ids []string) error {
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
			return fmt.Errorf("building the book of %s: %w", b.Friday, err)
		}
	}
	order := make([]int32, len(b.Rows)) // rows are large, so sort their indices
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

// Count returns the number of rows and cases that the book of these agents would
// have, without building it. Unknown agents count as zero.
func Count(ctx context.Context, s State, week Week, agents []string) (rows, cases int, err error) {
	for _, id := range agents {
		err := s.EachHeld(id, func(_ string, c *fold.Case) error {
			if InBook(c) {
				e := ExtentOf(c)
				rows += e.Rows * max(1, len(ShownYears(e.Years, week.Friday.Year())))
				cases++
			}
			return ctx.Err()
		})
		if err != nil {
			return 0, 0, fmt.Errorf("counting the rows of a book of %s: %w", week.Friday, err)
		}
	}
	return rows, cases, nil
}

// TypeCount is the number of rows and cases of one household type in a book. A
// case with different types in two years counts once under each.
type TypeCount struct {
	HouseholdType string
	Rows, Cases   int
}

// Counts returns the counts by household type, in the order of HouseholdTypes, and
// the total number of cases.
func (b *Book) Counts() (byType []TypeCount, cases int) {
	types := HouseholdTypes()
	byType = make([]TypeCount, len(types))
	last := make([]*fold.Case, len(types))
	var lastCase *fold.Case
	for i := range b.Rows {
		r := &b.Rows[i]
		t := slices.Index(types, r.HouseholdType)
		byType[t].Rows++
		if last[t] != r.Case { // the rows of a case are adjacent
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

package synthetic

import (
	"errors"
	"iter"
	"slices"
	"time"

	"bookledger/events"
)

// source is the upstream system that says everything in the world.
const source = "calheers"

// Config says which world to make. The same Config gives the same world. All
// methods but Check are for a Config that Check accepts.
type Config struct {
	// Agents is the number of certified agents, from 1 to 100,000. The first of
	// them holds more than 2,000 consumers if there are 3,000; from four agents
	// on the last has none.
	Agents int
	// Consumers is the number of cases at the end of the world, from 0 to
	// 2,000,000. The first is the job aid's CAL TRAINING.
	Consumers int
	// Weeks is the number of Fridays with books, from 1 to 520: the world
	// begins that many weeks before the last cutoff at or before Until.
	Weeks int
	// Seed chooses among the worlds of one size.
	Seed uint64
	// Until is the moment at which history ends; nothing is recorded later.
	// All of history must lie in the years 2015 to 2098.
	Until time.Time
}

// Check tells what is wrong with the configuration, if something is.
func (c Config) Check() error {
	switch {
	case c.Agents < 1 || c.Agents > 100_000:
		return errors.New("agents must be 1 to 100000")
	case c.Consumers < 0 || c.Consumers > 2_000_000:
		return errors.New("consumers must be 0 to 2000000")
	case c.Weeks < 1 || c.Weeks > 520:
		return errors.New("weeks must be 1 to 520")
	case c.Until.AddDate(0, 0, -7*(c.Weeks+1)).Year() < 2015 || c.Until.Year() > 2098:
		return errors.New("history must lie in the years 2015 to 2098")
	}
	return nil
}

// LastFriday is the last Friday whose cutoff is in the history.
func (c Config) LastFriday() events.Date {
	calendar := events.DefaultCalendar()
	friday := calendar.FridayOf(c.Until)
	if calendar.Cutoff(friday).After(c.Until) {
		friday = calendar.Previous(friday)
	}
	return friday
}

// Generate yields the history in the order of recorded time.
func (c Config) Generate() iter.Seq[TimedEvent] {
	return func(yield func(TimedEvent) bool) { newGenerator(c, yield).run() }
}

// RejectedEvent is an event that the ledger rejects (no_pending_request): an agent
// accepts CAL TRAINING, who asked nobody.
func (c Config) RejectedEvent() events.Event {
	const sequence = 1 << 60 // far beyond any event of the world
	at := c.Until.UTC().Truncate(time.Second)
	who := newRoster(c).second
	return events.Event{
		ID: eventID(c.Seed, sequence, at.UnixMilli()), Source: source, Type: events.TypeDelegationAccepted,
		Time: at.In(events.DefaultCalendar().Zone()), ActorID: agentPersonID(who), ActorRole: "agent",
		Data: &events.DelegationAccepted{Delegation: delegation(0, who)},
	}
}

// Identity is a person who can sign in. AgentID is set for agents alone;
// AgencyID for them and for an agency's staff.
type Identity struct {
	Role     string `json:"role"` // agent, manager, admin_l1, admin_l2, auditor, operator
	PersonID string `json:"person_id"`
	Name     string `json:"name"`
	AgentID  string `json:"agent_id,omitzero"`
	AgencyID string `json:"agency_id,omitzero"`
}

// Identities are those who would sign in: the agent with the most consumers
// and one of another agency (where there are two agents), the staff of the
// first one's agency, an auditor and an operator.
func (c Config) Identities() []Identity {
	r := newRoster(c)
	var all []Identity
	for _, a := range slices.Compact([]int{0, r.second}) {
		first, last := c.agentName(a)
		all = append(all, Identity{
			Role: "agent", PersonID: agentPersonID(a), Name: first + " " + last,
			AgentID: agentID(a), AgencyID: agencyID(r.agencyOf[a]),
		})
	}
	for _, s := range r.staff[:staffOfFirst] {
		all = append(all, Identity{Role: s.Role, PersonID: s.PersonID, Name: s.Name, AgencyID: s.AgencyID})
	}
	return append(all,
		Identity{Role: "auditor", PersonID: "P900001", Name: "Audrey Castellanos"},
		Identity{Role: "operator", PersonID: "P900002", Name: "Oren Whitfield"})
}

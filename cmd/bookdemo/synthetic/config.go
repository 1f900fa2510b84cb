package synthetic

import (
	"errors"
	"iter"
	"slices"
	"time"

	"bookledger/events"
)

// source is the upstream system of all generated events.
const source = "calheers"

// Config selects a history. The same Config generates the same history. Call the
// other methods only if Check returns nil.
type Config struct {
	// Agents is the number of certified agents, 1 to 100,000. With 3,000 consumers
	// or more, the first agent holds more than 2,000. With four agents or more,
	// the last agent holds none.
	Agents int
	// Consumers is the number of cases at the end of history, 0 to 2,000,000. The
	// first is the job aid's CAL TRAINING.
	Consumers int
	// Weeks is the number of Fridays with books, 1 to 520. History starts that many
	// weeks before the last cutoff at or before Until.
	Weeks int
	// Seed selects one of the histories of the same size.
	Seed uint64
	// Until is the end of history. All recorded times are at or before it, and must
	// be in the years 2015 to 2098.
	Until time.Time
}

// Check returns an error if a field is out of range.
func (c Config) Check() error {
	switch {
	case c.Agents < 1 || c.Agents > 100_000:
		return errors.New("agents must be 1 to 100000")
	case c.Consumers < 0 || c.Consumers > 2_000_000:
		return errors.New("consumers must be 0 to 2000000")
	case c.Weeks < 1 || c.Weeks > 520:
		return errors.New("weeks must be 1 to 520")
	case c.Until.AddDate(0, 0, -7*(c.Weeks+1)).Year() < 2015 || c.Until.Year() > 2098:
		return errors.New("history must be in the years 2015 to 2098")
	}
	return nil
}

// LastFriday returns the last Friday with a cutoff at or before Until.
func (c Config) LastFriday() events.Date {
	calendar := events.DefaultCalendar()
	friday := calendar.FridayOf(c.Until)
	if calendar.Cutoff(friday).After(c.Until) {
		friday = calendar.Previous(friday)
	}
	return friday
}

// Generate returns the events of the history in the order of recorded time.
func (c Config) Generate() iter.Seq[TimedEvent] {
	return func(yield func(TimedEvent) bool) { newGenerator(c, yield).run() }
}

// RejectedEvent returns an event that the ledger rejects with no_pending_request: an
// agent accepts a request that CAL TRAINING never sent.
func (c Config) RejectedEvent() events.Event {
	const sequence = 1 << 60 // far above that of any generated event
	at := c.Until.UTC().Truncate(time.Second)
	who := newRoster(c).second
	return events.Event{
		ID: eventID(c.Seed, sequence, at.UnixMilli()), Source: source, Type: events.TypeDelegationAccepted,
		Time: at.In(events.DefaultCalendar().Zone()), ActorID: agentPersonID(who), ActorRole: "agent",
		Data: &events.DelegationAccepted{Delegation: delegation(0, who)},
	}
}

// Identity is a person who can sign in. AgentID is set only for agents. AgencyID is
// set for agents and agency staff.
type Identity struct {
	Role     string `json:"role"` // agent, manager, admin_l1, admin_l2, auditor, operator
	PersonID string `json:"person_id"`
	Name     string `json:"name"`
	AgentID  string `json:"agent_id,omitzero"`
	AgencyID string `json:"agency_id,omitzero"`
}

// Identities returns the people who can sign in: the agent with the most consumers,
// an agent of another agency (if there are two agents), the staff of the first
// agent's agency, an auditor and an operator.
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

package service

import (
	"slices"
	"strings"

	"bookledger/projections/access"
	"bookledger/projections/book"
)

// Agency describes an agency and its agents.
type Agency struct {
	Freshness
	AgencyID string        `json:"agency_id" format:"Identifier" doc:"The agency's ID."`
	Name     string        `json:"name" doc:"The agency's name."`
	Agents   []AgencyAgent `json:"agents" doc:"The agents that the caller may see, sorted by name."`
	Grant    access.Grant  `json:"-"`
}

// AgencyAgent describes an agent of an agency and counts the consumers in the
// agent's lists.
type AgencyAgent struct {
	AgentID   string `json:"agent_id" format:"Identifier" doc:"The agent's ID."`
	Name      string `json:"name" doc:"The agent's name."`
	License   string `json:"license_number" doc:"The agent's license number."`
	Certified bool   `json:"certified" doc:"Whether the agent is certified."`
	Active    int    `json:"active" format:"Count" doc:"The number of active consumers."`
	Inactive  int    `json:"inactive" format:"Count" doc:"The number of inactive consumers."`
	Pending   int    `json:"pending" format:"Count" doc:"The number of pending requests."`
}

// Agents returns an agency with the agents that the caller may see.
func (s *Service) Agents(c Caller, agency string) (*Agency, error) {
	o := Owner{Agency: agency}
	r, g, done, err := s.ownerSnapshot(c, o)
	if err != nil {
		return nil, err
	}
	defer done()
	known, _, err := r.state.Agency(agency)
	if err != nil {
		return nil, err
	}
	a := &Agency{Freshness: r.freshness(), AgencyID: agency, Name: known.Name, Agents: []AgencyAgent{}, Grant: g}
	ids, err := r.agents(c, o)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		agent, _, err := r.state.Agent(id)
		if err != nil {
			return nil, err
		}
		lists, err := r.Lists(id)
		if err != nil {
			return nil, err
		}
		a.Agents = append(a.Agents, AgencyAgent{
			id, agent.Name(), agent.LicenseNumber, agent.Certified, lists.Active.Len(), lists.Inactive.Len(), lists.Pending.Len(),
		})
	}
	slices.SortStableFunc(a.Agents, func(x, y AgencyAgent) int {
		return strings.Compare(book.SortKey(x.Name), book.SortKey(y.Name))
	})
	return a, s.logAccess(c, g.Role, "agents", o, "")
}

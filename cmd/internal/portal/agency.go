package portal

import (
	"net/http"

	"bookledger/cmd/internal/service"
)

// agentsPage are the agents of an agency.
type agentsPage struct {
	About  about
	Agency *service.Agency
	Rows   []agentRow
}

// agentRow is an agent of an agency, and where its pages are.
type agentRow struct {
	service.AgencyAgent
	Base     string
	Transfer bool // there is something to transfer
}

func (p *Portal) agents(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	agency, err := p.Service.Agents(c, a.Owner.Agency)
	if err != nil {
		return err
	}
	page := agentsPage{About: a, Agency: agency}
	for _, one := range agency.Agents {
		page.Rows = append(page.Rows, agentRow{
			AgencyAgent: one, Base: basePath(service.Owner{Agent: one.AgentID}),
			Transfer: agency.Grant.Transfer() && one.Active+one.Inactive > 0,
		})
	}
	return p.render(w, r, http.StatusOK, "agents", "Agents", page)
}

// Title is the agent's name or, where that is blank, the id.
func (a agentRow) Title() string {
	if a.Name != "" {
		return a.Name
	}
	return a.AgentID
}

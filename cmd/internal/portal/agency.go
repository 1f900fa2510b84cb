package portal

import (
	"net/http"

	"bookledger/cmd/internal/service"
)

// agentsPage are the agents of an agency.
type agentsPage struct {
	About  about
	Agency *service.Agency
}

func (p *Portal) agents(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	agency, err := p.Service.Agents(c, a.Owner.Agency)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "agents", "Agents", agentsPage{a, agency})
}

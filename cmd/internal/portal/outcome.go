package portal

import (
	"net/http"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
)

// outcome is what became of a transfer, as the session keeps it.
type outcome struct {
	From   string         `json:"from"`
	To     string         `json:"to"`
	Total  int            `json:"total"`  // how many cases there were
	Counts map[string]int `json:"counts"` // of each outcome
	Rows   []outcomeRow   `json:"rows"`   // those that were not transferred come first
}

// outcomeRow is what became of one case.
type outcomeRow struct {
	CaseID string `json:"case"`
	Name   string `json:"name,omitzero"`
	What   string `json:"what"`
	Why    string `json:"why,omitzero"`
}

// maxOutcomes is of how many cases the outcome is shown one by one.
const maxOutcomes = 2000

var outcomeNames = map[string]string{
	"transferred": "Transferred", "refused": "Refused", "not_delegated": "Not delegated to the agent", "unknown": "Not known",
}

func newOutcome(done *service.Transferred) outcome {
	x := outcome{From: done.From, To: done.To, Total: len(done.Outcomes), Counts: map[string]int{}}
	for _, good := range [...]bool{false, true} {
		for _, o := range done.Outcomes {
			if (o.Outcome == "transferred") != good {
				continue
			}
			x.Counts[o.Outcome]++
			if len(x.Rows) < maxOutcomes {
				x.Rows = append(x.Rows, outcomeRow{o.CaseID, o.Name, outcomeNames[o.Outcome], problem.Sentence(o.Reason)})
			}
		}
	}
	return x
}

// Left is of how many of them nothing is shown.
func (x outcome) Left() int { return x.Total - len(x.Rows) }

// outcomePage shows what became of the last transfer.
type outcomePage struct {
	About   about
	Outcome *outcome // nil: there was none
}

func (p *Portal) transferOutcome(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	if err := p.Service.MayTransfer(c, a.Owner.Agency); err != nil {
		return err
	}
	page := outcomePage{About: a, Outcome: new(outcome)}
	if !p.kept(r, outcomeKey(a.Owner.Agency), page.Outcome) {
		page.Outcome = nil
	}
	return p.render(w, r, http.StatusOK, "outcome", "Outcome of the transfer", page)
}

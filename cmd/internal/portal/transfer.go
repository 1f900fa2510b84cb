package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// agentsPage is the data of the page that lists an agency's agents.
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

// transferDraft is an unconfirmed transfer. It is kept in the session.
type transferDraft struct {
	From  string   `json:"from"`
	To    string   `json:"to,omitzero"`
	All   bool     `json:"all,omitzero"`
	Cases []string `json:"cases,omitzero"` // selected, in order
	Q     string   `json:"q,omitzero"`     // search text
}

// maxSelected is the maximum number of individually selected consumers.
const maxSelected = 2000

func draftKey(agency string) string  { return "transfer:" + agency }
func resultKey(agency string) string { return "transferred:" + agency }

// transferPage is the data of the page on which a transfer is prepared.
type transferPage struct {
	About     about
	Draft     transferDraft
	FromName  string
	Agents    []service.AgencyAgent
	To        []service.AgencyAgent // agents who can receive consumers
	FromAgent *service.AgencyAgent  // nil before an agent is chosen
	Kind      service.Kind
	Message   *message
	Transfer  string // URL path of the transfer pages
	consumerPage
}

// transferAgents returns an agency with its agents, if the caller may transfer
// consumers of the agency.
func (p *Portal) transferAgents(c service.Caller, a about) (*service.Agency, error) {
	agency, err := p.Service.Agents(c, a.Owner.Agency)
	if err != nil {
		return nil, err
	}
	return agency, p.Service.MayTransfer(c, agency.AgencyID)
}

func findAgent(agency *service.Agency, id string) *service.AgencyAgent {
	i := slices.IndexFunc(agency.Agents, func(a service.AgencyAgent) bool { return a.AgentID == id })
	if i < 0 {
		return nil
	}
	return &agency.Agents[i]
}

// savedDraft returns the draft of a transfer from an agent.
func (p *Portal) savedDraft(r *http.Request, from string) transferDraft {
	var draft transferDraft
	if p.getSession(r, draftKey(owner(r).Agency), &draft) && draft.From == from {
		return draft
	}
	return transferDraft{From: from}
}

func (p *Portal) transferPage(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	agency, err := p.transferAgents(c, a)
	if err != nil {
		return err
	}
	page := transferPage{About: a, Agents: agency.Agents, Message: p.takeMessage(r), Kind: service.Active, Transfer: a.Base + "/transfer"}
	from := r.URL.Query().Get("from")
	if from == "" {
		return p.render(w, r, http.StatusOK, "transfer", "Transfer consumers", page)
	}
	if page.FromAgent = findAgent(agency, from); page.FromAgent == nil {
		return problem.NotFound.WithField("from", "The agency has no agent with this ID.")
	}
	page.FromName = a.AgentName(from)
	page.Draft = p.savedDraft(r, from)
	for _, agent := range agency.Agents {
		if agent.Certified && agent.AgentID != from {
			page.To = append(page.To, agent)
		}
	}
	if r.URL.Query().Get("list") == string(service.Inactive) {
		page.Kind = service.Inactive
	}
	n, err := pageParam(r)
	if err != nil {
		return err
	}
	params := service.ListParams{Q: page.Draft.Q, Page: n}
	if page.consumerPage, err = p.listConsumers(c, a, service.Owner{Agent: from}, page.Kind, params, strconv.Itoa); err != nil {
		return err
	}
	for i := range page.Rows {
		_, page.Rows[i].Selected = slices.BinarySearch(page.Draft.Cases, page.Rows[i].CaseID)
	}
	return p.render(w, r, http.StatusOK, "transfer", "Transfer consumers", page)
}

// transferPath returns the URL of the page on which a transfer is prepared.
func transferPath(agency, from, list string, page int) string {
	v := url.Values{"from": {from}}
	if list == string(service.Inactive) {
		v.Set("list", list)
	}
	return withPage(basePath(service.Owner{Agency: agency})+"/transfer", v, page)
}

// chooseTransfer saves the selection and redirects as the button requests: to
// another page, a search, or the confirmation.
func (p *Portal) chooseTransfer(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := p.Service.MayTransfer(c, owner(r).Agency); err != nil {
		return err
	}
	f, agency := r.PostForm, owner(r).Agency
	next := p.savedDraft(r, f.Get("from"))
	if err := next.update(f); err != nil {
		return err
	}
	list, page := f.Get("list"), 1
	action, value, _ := strings.Cut(f.Get("go"), ":")
	switch action {
	case "search":
		next.Q = strings.TrimSpace(f.Get("q"))
	case "all":
		next.Q = ""
	case "list":
		list = value
	case "page":
		page, _ = strconv.Atoi(value) // not a number: the first page
	case "none":
		next.Cases = nil
	}
	if _, err := (service.ListParams{Q: next.Q}).Query(pageSize); err != nil {
		return err
	}
	p.putSession(r, draftKey(agency), next)
	if action == "continue" {
		missing := next.missing()
		if missing == "" {
			return redirect(w, r, basePath(owner(r))+"/transfer/confirm?"+url.Values{"from": {next.From}}.Encode())
		}
		p.setMessage(r, message{Text: missing, Bad: true})
	}
	return redirect(w, r, transferPath(agency, next.From, list, page))
}

// update applies a form to the draft. Consumers that were on the page are selected
// if they are checked, and deselected otherwise.
func (d *transferDraft) update(f url.Values) error {
	if len(f["shown"]) > pageSize || len(f["case"]) > pageSize {
		return problem.Invalid.WithDetail("A page shows at most %d consumers.", pageSize)
	}
	d.To, d.All = f.Get("to"), f.Get("what") == "all"
	if !events.IsIdentifier(d.From) || d.To != "" && !events.IsIdentifier(d.To) {
		return problem.Invalid.WithDetail("Choose agents from the list on the page.")
	}
	isShown := func(id string) bool { return slices.Contains(f["shown"], id) }
	d.Cases = slices.DeleteFunc(d.Cases, isShown)
	for _, id := range f["case"] {
		if !isShown(id) {
			continue
		}
		if !events.IsIdentifier(id) {
			return problem.Invalid.WithField("case", "case must be a case ID.")
		}
		d.Cases = append(d.Cases, id)
	}
	slices.Sort(d.Cases)
	d.Cases = slices.Compact(d.Cases)
	if len(d.Cases) > maxSelected {
		return problem.Invalid.WithField("case", "At most %d consumers can be selected. Select fewer, or choose All consumers.", maxSelected)
	}
	return nil
}

// missing describes what the draft lacks, or returns "" if it is complete.
func (d *transferDraft) missing() string {
	switch {
	case d.To == "":
		return "Choose the agent to transfer to."
	case !d.All && len(d.Cases) == 0:
		return "Select at least one consumer, or choose All consumers."
	}
	return ""
}

// confirmPage is the data of the page that confirms a transfer.
type confirmPage struct {
	About    about
	Draft    transferDraft
	From, To *service.AgencyAgent
	Back     string
}

// Count returns the number of consumers to transfer. It does not count closed
// cases.
func (c confirmPage) Count() int {
	if c.Draft.All {
		return c.From.Active + c.From.Inactive
	}
	return len(c.Draft.Cases)
}

// Consumers describes the consumers to transfer.
func (c confirmPage) Consumers() string {
	if !c.Draft.All {
		return number(c.Count()) + " selected"
	}
	return fmt.Sprintf("All: %s active and %s inactive, and any closed cases", number(c.From.Active), number(c.From.Inactive))
}

func (p *Portal) confirmTransfer(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	agency, err := p.transferAgents(c, a)
	if err != nil {
		return err
	}
	draft := p.savedDraft(r, r.URL.Query().Get("from"))
	page := confirmPage{About: a, Draft: draft, From: findAgent(agency, draft.From), To: findAgent(agency, draft.To), Back: transferPath(agency.AgencyID, draft.From, "", 1)}
	if page.From == nil {
		return problem.NotFound.WithField("from", "The agency has no agent with this ID.")
	}
	if draft.missing() != "" || page.To == nil {
		return redirect(w, r, page.Back)
	}
	return p.render(w, r, http.StatusOK, "confirm", "Confirm transfer", page)
}

// transfer performs the confirmed transfer.
func (p *Portal) transfer(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := p.Service.MayTransfer(c, owner(r).Agency); err != nil {
		return err
	}
	f, agency := r.PostForm, owner(r).Agency
	draft := p.savedDraft(r, f.Get("from"))
	if draft.missing() != "" || draft.To != f.Get("to") || draft.All != (f.Get("what") == "all") || !draft.All && strconv.Itoa(len(draft.Cases)) != f.Get("count") {
		return problem.Conflict.WithDetail("The selection changed since you confirmed it, or the transfer is already done. Nothing was transferred this time.")
	}
	t := service.TransferRequest{From: draft.From, To: draft.To, All: draft.All}
	if !draft.All {
		t.Cases = draft.Cases
	}
	done, err := p.Service.Transfer(r.Context(), c, agency, t)
	if err != nil {
		return err
	}
	p.Identity.Pop(r, draftKey(agency))
	p.putSession(r, resultKey(agency), newTransferResult(done))
	return redirect(w, r, basePath(owner(r))+"/transfer/outcome")
}

// transferResult is the result of a transfer. It is kept in the session.
type transferResult struct {
	From   string         `json:"from"`
	To     string         `json:"to"`
	Total  int            `json:"total"`  // number of cases
	Counts map[string]int `json:"counts"` // by outcome
	Rows   []resultRow    `json:"rows"`   // cases that were not transferred come first
}

// resultRow is the result for one case.
type resultRow struct {
	CaseID string `json:"case"`
	Name   string `json:"name,omitzero"`
	Result string `json:"what"`
	Reason string `json:"why,omitzero"`
}

// maxResultRows is the maximum number of cases listed in a result.
const maxResultRows = 2000

var resultNames = map[string]string{
	"transferred": "Transferred", "refused": "Refused", "not_delegated": "Not delegated to the agent", "unknown": "Not known yet",
}

func newTransferResult(done *service.TransferResult) transferResult {
	t := transferResult{From: done.From, To: done.To, Total: len(done.Outcomes), Counts: map[string]int{}}
	for _, good := range [...]bool{false, true} {
		for _, o := range done.Outcomes {
			if (o.Outcome == "transferred") != good {
				continue
			}
			t.Counts[o.Outcome]++
			if len(t.Rows) < maxResultRows {
				t.Rows = append(t.Rows, resultRow{o.CaseID, o.Name, resultNames[o.Outcome], problem.Sentence(o.Reason)})
			}
		}
	}
	return t
}

// Unlisted returns the number of cases that are not in Rows.
func (t transferResult) Unlisted() int { return t.Total - len(t.Rows) }

// resultPage is the data of the page that shows the last transfer.
type resultPage struct {
	About  about
	Result *transferResult // nil if there was none
}

func (p *Portal) transferOutcome(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	if err := p.Service.MayTransfer(c, a.Owner.Agency); err != nil {
		return err
	}
	page := resultPage{About: a, Result: new(transferResult)}
	if !p.getSession(r, resultKey(a.Owner.Agency), page.Result) {
		page.Result = nil
	}
	return p.render(w, r, http.StatusOK, "transfer-result", "Transfer results", page)
}

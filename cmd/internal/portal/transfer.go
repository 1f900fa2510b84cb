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

// wish is a transfer that is being put together; the session keeps it.
type wish struct {
	From  string   `json:"from"`
	To    string   `json:"to,omitzero"`
	All   bool     `json:"all,omitzero"`
	Cases []string `json:"cases,omitzero"` // the chosen ones, in order
	Q     string   `json:"q,omitzero"`     // what is searched for
}

// maxChosen is how many consumers can be chosen one by one.
const maxChosen = 2000

func wishKey(agency string) string    { return "transfer:" + agency }
func outcomeKey(agency string) string { return "transferred:" + agency }

// transferPage is where a transfer is put together.
type transferPage struct {
	About    about
	Wish     wish
	From     string // name
	Agents   []service.AgencyAgent
	To       []service.AgencyAgent // who can be given consumers
	Holder   *service.AgencyAgent  // nil: whose consumers is not chosen
	Kind     service.Kind
	Message  *message
	Transfer string // where all of this is
	listed
}

// mayTransfer returns the agents of an agency whose consumers the caller may
// transfer.
func (p *Portal) mayTransfer(c service.Caller, a about) (*service.Agency, error) {
	agency, err := p.Service.Agents(c, a.Owner.Agency)
	if err != nil {
		return nil, err
	}
	return agency, p.Service.MayTransfer(c, agency.AgencyID)
}

func agentOf(agency *service.Agency, id string) *service.AgencyAgent {
	i := slices.IndexFunc(agency.Agents, func(a service.AgencyAgent) bool { return a.AgentID == id })
	if i < 0 {
		return nil
	}
	return &agency.Agents[i]
}

// wish is the transfer that is being put together for an agent's consumers.
func (p *Portal) wish(r *http.Request, from string) wish {
	var have wish
	if p.kept(r, wishKey(owner(r).Agency), &have) && have.From == from {
		return have
	}
	return wish{From: from}
}

func (p *Portal) transferPage(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	agency, err := p.mayTransfer(c, a)
	if err != nil {
		return err
	}
	page := transferPage{About: a, Agents: agency.Agents, Message: p.said(r), Kind: service.Active, Transfer: a.Base + "/transfer"}
	from := r.URL.Query().Get("from")
	if from == "" {
		return p.render(w, r, http.StatusOK, "transfer", "Transfer consumers", page)
	}
	if page.Holder = agentOf(agency, from); page.Holder == nil {
		return problem.NotFound.WithField("from", "The agency has no such agent.")
	}
	page.From = a.AgentName(from)
	page.Wish = p.wish(r, from)
	for _, agent := range agency.Agents {
		if agent.Certified && agent.AgentID != from {
			page.To = append(page.To, agent)
		}
	}
	if r.URL.Query().Get("list") == string(service.Inactive) {
		page.Kind = service.Inactive
	}
	n, err := pageNumber(r)
	if err != nil {
		return err
	}
	asked := service.ListParams{Q: page.Wish.Q, Page: n}
	if page.listed, err = p.listed(c, a, service.Owner{Agent: from}, page.Kind, asked, strconv.Itoa); err != nil {
		return err
	}
	for i := range page.Rows {
		_, page.Rows[i].Chosen = slices.BinarySearch(page.Wish.Cases, page.Rows[i].CaseID)
	}
	return p.render(w, r, http.StatusOK, "transfer", "Transfer consumers", page)
}

// transferAt is where a transfer is put together.
func transferAt(agency, from, list string, page int) string {
	v := url.Values{"from": {from}}
	if list == string(service.Inactive) {
		v.Set("list", list)
	}
	return withPage(basePath(service.Owner{Agency: agency})+"/transfer", v, page)
}

// chooseTransfer keeps what was chosen, and goes where the button says: to
// another page, to a search, or on to the confirmation.
func (p *Portal) chooseTransfer(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := p.Service.MayTransfer(c, owner(r).Agency); err != nil {
		return err
	}
	f, agency := r.PostForm, owner(r).Agency
	next := p.wish(r, f.Get("from"))
	if err := next.choose(f); err != nil {
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
		page, _ = strconv.Atoi(value) // what is no number is the first page
	case "none":
		next.Cases = nil
	}
	if _, err := (service.ListParams{Q: next.Q}).Query(pageSize); err != nil {
		return err
	}
	p.keep(r, wishKey(agency), next)
	if action == "continue" {
		why := next.missing()
		if why == "" {
			return redirect(w, r, basePath(owner(r))+"/transfer/confirm?"+url.Values{"from": {next.From}}.Encode())
		}
		p.say(r, message{Text: why, Bad: true})
	}
	return redirect(w, r, transferAt(agency, next.From, list, page))
}

// choose takes over what a form says. Of the consumers that the page has
// shown, those that are ticked are chosen, and the others are not.
func (x *wish) choose(f url.Values) error {
	if len(f["shown"]) > pageSize || len(f["case"]) > pageSize {
		return problem.Invalid.WithDetail("A page shows at most %d consumers.", pageSize)
	}
	x.To, x.All = f.Get("to"), f.Get("what") == "all"
	if !events.IsIdentifier(x.From) || x.To != "" && !events.IsIdentifier(x.To) {
		return problem.Invalid.WithDetail("Choose the agents on the page.")
	}
	isShown := func(id string) bool { return slices.Contains(f["shown"], id) }
	x.Cases = slices.DeleteFunc(x.Cases, isShown)
	for _, id := range f["case"] {
		if !isShown(id) {
			continue
		}
		if !events.IsIdentifier(id) {
			return problem.Invalid.WithField("case", "It is no case id.")
		}
		x.Cases = append(x.Cases, id)
	}
	slices.Sort(x.Cases)
	x.Cases = slices.Compact(x.Cases)
	if len(x.Cases) > maxChosen {
		return problem.Invalid.WithField("case", "At most %d consumers can be chosen one by one. Choose fewer, or the whole book.", maxChosen)
	}
	return nil
}

// missing tells what has still to be chosen, "" where nothing.
func (x *wish) missing() string {
	switch {
	case x.To == "":
		return "Choose the agent who is to have the consumers."
	case !x.All && len(x.Cases) == 0:
		return "Choose at least one consumer, or the whole book."
	}
	return ""
}

// confirmPage asks whether the transfer is meant.
type confirmPage struct {
	About    about
	Wish     wish
	From, To *service.AgencyAgent
	Back     string
}

// Count is how many consumers are to be transferred.
func (c confirmPage) Count() int {
	if c.Wish.All {
		return c.From.Active + c.From.Inactive
	}
	return len(c.Wish.Cases)
}

// What says which consumers these are.
func (c confirmPage) What() string {
	if !c.Wish.All {
		return number(c.Count()) + ", chosen one by one"
	}
	return fmt.Sprintf("%s, the whole book: %s active and %s inactive, and closed cases where there are some",
		number(c.Count()), number(c.From.Active), number(c.From.Inactive))
}

func (p *Portal) confirmTransfer(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	agency, err := p.mayTransfer(c, a)
	if err != nil {
		return err
	}
	x := p.wish(r, r.URL.Query().Get("from"))
	page := confirmPage{About: a, Wish: x, From: agentOf(agency, x.From), To: agentOf(agency, x.To), Back: transferAt(agency.AgencyID, x.From, "", 1)}
	if page.From == nil {
		return problem.NotFound.WithField("from", "The agency has no such agent.")
	}
	if why := x.missing(); why != "" || page.To == nil {
		return redirect(w, r, page.Back)
	}
	return p.render(w, r, http.StatusOK, "confirm", "Confirm the transfer", page)
}

// transfer does what was confirmed.
func (p *Portal) transfer(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := p.Service.MayTransfer(c, owner(r).Agency); err != nil {
		return err
	}
	f, agency := r.PostForm, owner(r).Agency
	x := p.wish(r, f.Get("from"))
	if x.missing() != "" || x.To != f.Get("to") || x.All != (f.Get("what") == "all") || !x.All && strconv.Itoa(len(x.Cases)) != f.Get("count") {
		return problem.Conflict.WithDetail("What was to be transferred has changed since you were asked, or was transferred already. Nothing was done now.")
	}
	t := service.TransferRequest{From: x.From, To: x.To, All: x.All}
	if !x.All {
		t.Cases = x.Cases
	}
	done, err := p.Service.Transfer(r.Context(), c, agency, t)
	if err != nil {
		return err
	}
	p.Identity.Pop(r, wishKey(agency))
	p.keep(r, outcomeKey(agency), newOutcome(done))
	return redirect(w, r, basePath(owner(r))+"/transfer/outcome")
}

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

func newOutcome(done *service.TransferResult) outcome {
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

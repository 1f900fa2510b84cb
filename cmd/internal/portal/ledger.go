package portal

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
)

// ledgerPage shows auditors and operators where the ledger stands.
type ledgerPage struct {
	Status     projections.Status
	Fridays    []checkpoint.Checkpoint // the newest first
	Rejections []projections.RejectedEvent
	Exports    []projections.ExportStep
	Older      struct{ Rejections, Exports string } // where the page before is
	Message    *message
}

// ledgerRows is how many rejections and exports a page has.
const ledgerRows = 20

func (p *Portal) ledger(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := c.MaySeeLedger(); err != nil { // before anything of the request is looked at
		return err
	}
	beforeRejection, err := sequence(r, "rejections_before")
	if err != nil {
		return err
	}
	beforeExport, err := sequence(r, "exports_before")
	if err != nil {
		return err
	}
	page := ledgerPage{Message: p.said(r)}
	if page.Status, err = p.Service.Summary(c); err != nil {
		return err
	}
	if page.Fridays, err = p.Service.Fridays(c); err != nil {
		return err
	}
	slices.Reverse(page.Fridays)
	if page.Rejections, err = p.Service.Rejections(c, beforeRejection, ledgerRows); err != nil {
		return err
	}
	if page.Exports, err = p.Service.Exports(r.Context(), c, "", beforeExport, ledgerRows); err != nil {
		return err
	}
	if n := len(page.Rejections); n == ledgerRows {
		page.Older.Rejections = with(r, "rejections_before", page.Rejections[n-1].Seq) + "#rejections"
	}
	if n := len(page.Exports); n == ledgerRows {
		page.Older.Exports = with(r, "exports_before", page.Exports[n-1].Seq) + "#exports"
	}
	return p.render(w, r, http.StatusOK, "ledger", "Ledger", page)
}

// sequence is the sequence before which the rows of a page are, 0 where none
// is given.
func sequence(r *http.Request, name string) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, problem.Invalid.WithField(name, "It is no sequence of a record.")
	}
	return n, nil
}

// with is where a request was, with another value in its query; "" leaves the
// name out.
func with(r *http.Request, name string, value any) string {
	query := r.URL.Query()
	query.Set(name, fmt.Sprint(value))
	if value == "" {
		query.Del(name)
	}
	return address(r.URL.EscapedPath(), query)
}

// lookUp leads to an agent's or an agency's pages by its id.
func (p *Portal) lookUp(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	return p.find(w, r, c, "/ledger", "/active", "/agents")
}

// find leads to one of an agent's or an agency's pages by its id or, where
// nothing of that id is open to the caller, back to where it was typed.
func (p *Portal) find(w http.ResponseWriter, r *http.Request, c service.Caller, back, ofAgent, ofAgency string) error {
	id := strings.TrimSpace(r.PostForm.Get("id"))
	o, page := service.Owner{Agent: id}, ofAgent
	if r.PostForm.Get("kind") == "agency" {
		o, page = service.Owner{Agency: id}, ofAgency
	}
	to := basePath(o) + page
	_, err := p.Service.About(c, o)
	if err != nil && problem.From(err).Status != http.StatusNotFound || len(id) > 40 {
		return err
	}
	if err != nil || id == "" {
		p.say(r, message{Text: "No agent or agency of this id is open to you. Check the id, and whether it is an agent’s or an agency’s.", Bad: true})
		to = back
	}
	return redirect(w, r, to)
}

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

// ledgerPage is the data of the ledger status page for auditors and operators.
type ledgerPage struct {
	Status     projections.Status
	Fridays    []checkpoint.Checkpoint // newest first
	Rejections []projections.RejectedEvent
	Exports    []projections.ExportStep
	Older      struct{ Rejections, Exports string } // URL paths of older entries, if any
	Message    *message
}

// ledgerRows is the number of rejected events, and of exports, on a page.
const ledgerRows = 20

func (p *Portal) ledger(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := c.MaySeeLedger(); err != nil { // check access before the rest of the request
		return err
	}
	beforeRejection, err := sequenceParam(r, "rejections_before")
	if err != nil {
		return err
	}
	beforeExport, err := sequenceParam(r, "exports_before")
	if err != nil {
		return err
	}
	page := ledgerPage{Message: p.takeMessage(r)}
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
		page.Older.Rejections = withQuery(r, "rejections_before", page.Rejections[n-1].Seq) + "#rejections"
	}
	if n := len(page.Exports); n == ledgerRows {
		page.Older.Exports = withQuery(r, "exports_before", page.Exports[n-1].Seq) + "#exports"
	}
	return p.render(w, r, http.StatusOK, "ledger", "Ledger status", page)
}

// sequenceParam returns the sequence in the query that limits a page to earlier
// records, or 0.
func sequenceParam(r *http.Request, name string) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, problem.Invalid.WithField(name, "%s must be the sequence of a record.", name)
	}
	return n, nil
}

// withQuery returns the URL path of a request with one query value replaced. The
// value "" removes it.
func withQuery(r *http.Request, name string, value any) string {
	query := r.URL.Query()
	query.Set(name, fmt.Sprint(value))
	if value == "" {
		query.Del(name)
	}
	return pathWithQuery(r.URL.EscapedPath(), query)
}

// lookUpOwner redirects to an agent or agency by its ID.
func (p *Portal) lookUpOwner(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	return p.redirectToOwner(w, r, c, "/ledger", "/active", "/agents")
}

// redirectToOwner redirects to a page of the agent or agency in the form. If the
// caller may not see it, redirectToOwner redirects back with a message.
func (p *Portal) redirectToOwner(w http.ResponseWriter, r *http.Request, c service.Caller, back, agentPage, agencyPage string) error {
	id := strings.TrimSpace(r.PostForm.Get("id"))
	o, page := service.Owner{Agent: id}, agentPage
	if r.PostForm.Get("kind") == "agency" {
		o, page = service.Owner{Agency: id}, agencyPage
	}
	to := basePath(o) + page
	_, err := p.Service.About(c, o)
	if err != nil && problem.From(err).Status != http.StatusNotFound || len(id) > 40 {
		return err
	}
	if err != nil || id == "" {
		p.setMessage(r, message{Text: "No agent or agency with this ID, or you don't have access. Check the ID and the type.", Bad: true})
		to = back
	}
	return redirect(w, r, to)
}

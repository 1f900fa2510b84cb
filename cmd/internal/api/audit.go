package api

import (
	"net/http"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
)

// explanation answers with how a case became what it is.
func (a *API) explanation(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	asked, err := known(r, "agent", "friday")
	if err != nil {
		return err
	}
	x, err := a.Service.Explain(r.Context(), c, r.PathValue("case"), asked["agent"], asked["friday"])
	if err != nil {
		return err
	}
	return write(w, x)
}

const (
	// defaultChanges is how many changed rows are told of at once, if nothing
	// else is asked for.
	defaultChanges = 100
	// maxChanges is how many may be asked for: each is traced to its events.
	maxChanges = 1000
	// maxPage is more pages than there can be.
	maxPage = 1_000_000
)

// differences answers with what made a book another than an earlier one.
func (a *API) differences(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	values, err := known(r, "from", "to", "page", "page_size")
	if err != nil {
		return err
	}
	asked := service.Compared{From: values["from"], To: "latest"}
	if asked.From == "" {
		return problem.Invalid.In("from", "It is required: the earlier Friday, like 2026-11-13.")
	}
	if to, given := values["to"]; given {
		asked.To = to
	}
	if asked.Page, err = values.number("page", 1, maxPage); err != nil {
		return err
	}
	if asked.PageSize, err = values.number("page_size", defaultChanges, maxChanges); err != nil {
		return err
	}
	all, err := a.Service.Compare(r.Context(), c, owner(r), asked)
	if err != nil {
		return err
	}
	return write(w, all)
}

package api

import (
	"net/http"
	"time"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// maxWait is how long a request waits for its book.
const maxWait = 45 * time.Second

func disclaimer(w http.ResponseWriter, _ *http.Request, _ service.Caller) error {
	return write(w, struct {
		Version string `json:"version"`
		Text    string `json:"text"`
	}{service.DisclaimerVersion, service.DisclaimerText})
}

func (a *API) books(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	part, err := shelved(r)
	if err != nil {
		return err
	}
	shelf, err := a.Service.Books(r.Context(), c, owner(r), part)
	if err != nil {
		return err
	}
	return write(w, shelf)
}

// shelved reads which part of a shelf is wanted.
func shelved(r *http.Request) (part service.Shelved, err error) {
	values, err := query(r)
	if err != nil {
		return part, err
	}
	for name, all := range values {
		if name != "before" || len(all) > 1 {
			return part, problem.Invalid.In("query", "There is before, a Friday, and nothing else.")
		}
		if part.Before, err = events.ParseDate(all[0]); err != nil {
			return part, problem.Invalid.In("before", "It is no date like 2026-11-20.")
		}
	}
	return part, nil
}

// export answers with a book, once the disclaimer was accepted.
func (a *API) export(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	var body struct {
		Disclaimer string `json:"disclaimer"`
		Accepted   *bool  `json:"accepted"`
	}
	if err := nothing(r); err != nil {
		return err
	}
	if err := read(w, r, maxExportBody, &body); err != nil {
		return err
	}
	ctx, cancel, err := Patience(w, r, maxWait)
	if err != nil {
		return err
	}
	defer cancel()
	book, err := a.Service.Export(ctx, c, owner(r), r.PathValue("friday"), service.Answer{Disclaimer: body.Disclaimer, Accepted: body.Accepted})
	if err != nil {
		return err
	}
	if book == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	defer book.Close()
	return Deliver(w, r, book)
}

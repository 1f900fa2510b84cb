package api

import (
	"errors"
	"net/http"

	"bookledger/cmd/bookledger/internal/desk"
)

// list answers with a list whose filters stand in the URL.
func (a *API) list(kind desk.Kind) answer {
	return func(w http.ResponseWriter, r *http.Request, c desk.Caller) error {
		asked, err := desk.AskedIn(r.URL.RawQuery)
		if err != nil {
			return err
		}
		return a.writeList(w, r, c, kind, asked)
	}
}

// search answers with a list whose filters stand in the body, where they may
// name a consumer.
func (a *API) search(kind desk.Kind) answer {
	return func(w http.ResponseWriter, r *http.Request, c desk.Caller) error {
		var asked desk.Asked
		if err := nothing(r); err != nil {
			return err
		}
		if err := read(w, r, maxBody, &asked); err != nil {
			return err
		}
		return a.writeList(w, r, c, kind, asked)
	}
}

func (a *API) writeList(w http.ResponseWriter, r *http.Request, c desk.Caller, kind desk.Kind, asked desk.Asked) error {
	q, err := asked.Query(desk.MaxListed)
	if err != nil {
		return err
	}
	l, err := a.Desk.List(c, owner(r), kind, q)
	if err != nil {
		return err
	}
	b, err := l.JSON()
	if err != nil {
		return err
	}
	return writeJSON(w, b)
}

func (a *API) caseFile(w http.ResponseWriter, r *http.Request, c desk.Caller) error {
	if err := nothing(r); err != nil {
		return err
	}
	f, err := a.Desk.Case(r.Context(), c, owner(r), r.PathValue("case"))
	if err != nil {
		return err
	}
	return write(w, f)
}

func (a *API) act(w http.ResponseWriter, r *http.Request, c desk.Caller) error {
	if err := errors.Join(nothing(r), readNothing(w, r)); err != nil {
		return err
	}
	acted, err := a.Desk.Act(r.Context(), c, owner(r), r.PathValue("case"), desk.Action(r.PathValue("action")))
	if err != nil {
		return err
	}
	return write(w, acted)
}

func (a *API) agents(w http.ResponseWriter, r *http.Request, c desk.Caller) error {
	if err := nothing(r); err != nil {
		return err
	}
	agency, err := a.Desk.Agents(c, r.PathValue("agency"))
	if err != nil {
		return err
	}
	return write(w, agency)
}

func (a *API) transfer(w http.ResponseWriter, r *http.Request, c desk.Caller) error {
	var t desk.Transfer
	if err := nothing(r); err != nil {
		return err
	}
	if err := read(w, r, maxBody, &t); err != nil {
		return err
	}
	done, err := a.Desk.Transfer(r.Context(), c, r.PathValue("agency"), t)
	if err != nil {
		return err
	}
	return write(w, done)
}

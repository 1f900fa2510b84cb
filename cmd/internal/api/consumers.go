package api

import (
	"errors"
	"net/http"

	"bookledger/cmd/internal/service"
)

// list answers with a list whose filters stand in the URL.
func (a *API) list(kind service.Kind) answer {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		asked, err := service.AskedIn(r.URL.RawQuery)
		if err != nil {
			return err
		}
		return a.writeList(w, r, c, kind, asked)
	}
}

// search answers with a list whose filters stand in the body, where they may
// name a consumer.
func (a *API) search(kind service.Kind) answer {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		var asked service.Asked
		if err := nothing(r); err != nil {
			return err
		}
		if err := read(w, r, maxBody, &asked); err != nil {
			return err
		}
		return a.writeList(w, r, c, kind, asked)
	}
}

func (a *API) writeList(w http.ResponseWriter, r *http.Request, c service.Caller, kind service.Kind, asked service.Asked) error {
	q, err := asked.Query(service.MaxListed)
	if err != nil {
		return err
	}
	l, err := a.Service.List(c, owner(r), kind, q)
	if err != nil {
		return err
	}
	b, err := l.JSON()
	if err != nil {
		return err
	}
	return writeJSON(w, b)
}

func (a *API) caseFile(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := nothing(r); err != nil {
		return err
	}
	f, err := a.Service.Case(r.Context(), c, owner(r), r.PathValue("case"))
	if err != nil {
		return err
	}
	return write(w, f)
}

func (a *API) act(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := errors.Join(nothing(r), readNothing(w, r)); err != nil {
		return err
	}
	acted, err := a.Service.Act(r.Context(), c, owner(r), r.PathValue("case"), service.Action(r.PathValue("action")))
	if err != nil {
		return err
	}
	return write(w, acted)
}

func (a *API) agents(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := nothing(r); err != nil {
		return err
	}
	agency, err := a.Service.Agents(c, r.PathValue("agency"))
	if err != nil {
		return err
	}
	return write(w, agency)
}

func (a *API) transfer(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	var t service.Transfer
	if err := nothing(r); err != nil {
		return err
	}
	if err := read(w, r, maxBody, &t); err != nil {
		return err
	}
	done, err := a.Service.Transfer(r.Context(), c, r.PathValue("agency"), t)
	if err != nil {
		return err
	}
	return write(w, done)
}

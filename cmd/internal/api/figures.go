package api

import (
	"net/http"

	"bookledger/cmd/internal/service"
	"bookledger/projections"
	"bookledger/projections/checkpoint"
)

func (a *API) fridays(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := nothing(r); err != nil {
		return err
	}
	all, err := a.Service.Fridays(c)
	if err != nil {
		return err
	}
	return write(w, struct {
		Fridays []checkpoint.Checkpoint `json:"fridays"`
	}{append([]checkpoint.Checkpoint{}, all...)})
}

func (a *API) rejected(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	values, err := known(r, "before", "limit")
	if err != nil {
		return err
	}
	before, limit, err := pages(values)
	if err != nil {
		return err
	}
	all, err := a.Service.Rejections(c, before, limit)
	if err != nil {
		return err
	}
	return write(w, struct {
		Rejected []projections.Rejected `json:"rejected"`
	}{append([]projections.Rejected{}, all...)})
}

func (a *API) exports(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	values, err := known(r, "before", "limit", "sha256")
	if err != nil {
		return err
	}
	before, limit, err := pages(values)
	if err != nil {
		return err
	}
	all, err := a.Service.Exports(r.Context(), c, values["sha256"], before, limit)
	if err != nil {
		return err
	}
	return write(w, struct {
		Exports []projections.Exported `json:"exports"`
	}{append([]projections.Exported{}, all...)})
}

func (a *API) status(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	if err := nothing(r); err != nil {
		return err
	}
	s, err := a.Service.Status(r.Context(), c)
	if err != nil {
		return err
	}
	return write(w, s)
}

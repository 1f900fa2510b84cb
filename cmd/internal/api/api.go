package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"go.uber.org/zap"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
)

// Options are what the interface works with.
type Options struct {
	Service *service.Service
	// Caller tells who asks; problem.Unauthorized where nobody has signed in.
	Caller func(*http.Request) (service.Caller, error)
	Log    *zap.Logger
}

// API answers what is asked below /v1/. It is an http.Handler.
type API struct {
	Options
	mux *http.ServeMux
}

// answer answers a request of somebody who is known.
type answer func(w http.ResponseWriter, r *http.Request, c service.Caller) error

// audited answers auditors alone, before anything of the request is looked at.
func audited(f answer) answer { return allowed(service.Caller.Audits, f) }

// figures answers those alone who may see the ledger's figures, likewise.
func figures(f answer) answer { return allowed(service.Caller.SeesFigures, f) }

func allowed(may func(service.Caller) error, f answer) answer {
	return func(w http.ResponseWriter, r *http.Request, c service.Caller) error {
		if err := may(c); err != nil {
			return err
		}
		return f(w, r, c)
	}
}

// New makes the interface.
func New(o Options) *API {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	a := &API{Options: o, mux: http.NewServeMux()}
	for path, methods := range a.routes() {
		a.mux.Handle(path, a.route(methods))
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { problem.NotFound.Because(nil).Write(w) })
	return a
}

// routes are the requests, by path and method.
func (a *API) routes() map[string]map[string]answer {
	get := func(f answer) map[string]answer { return map[string]answer{http.MethodGet: f} }
	post := func(f answer) map[string]answer { return map[string]answer{http.MethodPost: f} }
	all := map[string]map[string]answer{
		"/v1/agencies/{agency}/agents":    get(a.agents),
		"/v1/agencies/{agency}/transfers": post(a.transfer),
		"/v1/cases/{case}/explanation":    get(audited(a.explanation)),
		"/v1/disclaimer":                  get(disclaimer),
		"/v1/fridays":                     get(figures(a.fridays)),
		"/v1/rejected":                    get(figures(a.rejected)),
		"/v1/exports":                     get(figures(a.exports)),
		"/v1/status":                      get(figures(a.status)),
	}
	for _, owner := range [...]string{"/v1/agents/{agent}", "/v1/agencies/{agency}"} {
		for _, kind := range [...]service.Kind{service.Active, service.Pending, service.Inactive} {
			all[owner+"/"+string(kind)] = get(a.list(kind))
			all[owner+"/"+string(kind)+"/search"] = post(a.search(kind))
		}
		all[owner+"/cases/{case}"] = get(a.caseFile)
		all[owner+"/cases/{case}/{action}"] = post(a.act)
		all[owner+"/books"] = get(a.books)
		all[owner+"/differences"] = get(audited(a.differences))
		all[owner+"/books/{friday}"] = post(a.export)
	}
	return all
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// route answers the methods of a path, and the others with 405.
func (a *API) route(methods map[string]answer) http.Handler {
	allowed := slices.Sorted(maps.Keys(methods))
	if _, ok := methods[http.MethodGet]; ok {
		allowed = append(allowed, http.MethodHead)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		f, ok := methods[method]
		if !ok {
			p := problem.Method.With("This path answers %s only.", strings.Join(allowed, " and "))
			p.Allow = strings.Join(allowed, ", ")
			p.Write(w)
			return
		}
		c, err := a.Caller(r)
		if err == nil {
			err = f(w, r, c)
		}
		if err != nil {
			a.refuse(w, r, err)
		}
	})
}

// refuse answers with what went wrong. Only what is ours to mend is logged.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	switch {
	case r.Context().Err() != nil && p.Type == problem.Internal.Type && errors.Is(err, context.Canceled):
		// Who has gone reads no answer; but the connection may be closed by half,
		// and no answer at all would be taken for a success.
		p = problem.Unavailable.With("The connection was given up before the answer was there.")
	case p.Status >= http.StatusInternalServerError:
		a.Log.Error("a request failed", zap.String("route", r.Pattern), zap.Int("status", p.Status), zap.Error(errors.Unwrap(p)))
	}
	p.Write(w)
}

// owner is whose lists and books a path is about.
func owner(r *http.Request) service.Owner {
	return service.Owner{Agent: r.PathValue("agent"), Agency: r.PathValue("agency")}
}

// write answers with a value as JSON.
func write(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeJSON(w, append(b, '\n'))
}

func writeJSON(w http.ResponseWriter, b []byte) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // who has gone needs no answer
	return nil
}

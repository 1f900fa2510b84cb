package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.uber.org/zap"

	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
)

// Options configures an API. Service and Caller are required.
type Options struct {
	Service *service.Service
	// Caller returns the signed-in person who made a request. It returns
	// problem.Unauthorized if there is none.
	Caller func(*http.Request) (service.Caller, error)
	Log    *zap.Logger
}

// API is an http.Handler that serves all paths under /v1/.
type API struct {
	Options
	http.Handler
	document *document
	huma     huma.API
}

// New returns an API. It fails only if the embedded texts of the OpenAPI document
// are invalid.
func New(o Options) (*API, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	d, err := newDocument()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	a := &API{Options: o, Handler: mux, document: d}
	a.huma = humago.New(mux, huma.Config{
		OpenAPI: &d.OpenAPI, Transformers: []huma.Transformer{humaProblem},
		Formats: map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}, DefaultFormat: "application/json",
	})
	a.register()
	for path, item := range d.Paths {
		allowed := "POST"
		if item.Get != nil {
			allowed = "GET, HEAD"
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			p := problem.Method.WithDetail("This path supports %s only.", strings.Replace(allowed, ", ", " and ", 1))
			p.Allow = allowed
			p.Write(w)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { problem.NotFound.WithCause(nil).Write(w) })
	d.finish()
	return a, nil
}

// Document returns the OpenAPI document of the API, and its operations in the order
// in which they are documented.
func (a *API) Document() (*huma.OpenAPI, []*huma.Operation) {
	return &a.document.OpenAPI, a.document.operations
}

// register registers every operation.
func (a *API) register() {
	for _, o := range [...]struct{ path, name, books string }{
		{"/v1/agents/{agent}", "", "Agent"}, {"/v1/agencies/{agency}", "Agency", "Agency"},
	} {
		for _, kind := range [...]service.Kind{service.Active, service.Pending, service.Inactive} {
			path, name := o.path+"/"+string(kind), o.name+strings.ToUpper(string(kind[:1]))+string(kind[1:])
			register(a, operation{id: "list" + name, tag: "Consumers", path: path, blankQuery: true}, func(_ context.Context, c service.Caller, in *listInput) (*result[service.ConsumerPage], error) {
				return a.listPage(c, in.owner(), kind, in.ListParams)
			})
			register(a, operation{id: "search" + name, tag: "Consumers", path: path + "/search", maxBody: maxBodySize}, func(_ context.Context, c service.Caller, in *searchInput) (*result[service.ConsumerPage], error) {
				return a.listPage(c, in.owner(), kind, in.Body)
			})
		}
		register(a, operation{id: "get" + o.name + "Case", tag: "Cases", path: o.path + "/cases/{case}"}, a.getCase)
		register(a, operation{id: "actOn" + o.name + "Case", tag: "Cases", path: o.path + "/cases/{case}/{action}", maxBody: maxBodySize, failures: writeFailures}, a.act)
		register(a, operation{id: "list" + o.name + "Books", tag: "Books", path: o.path + "/books"}, a.books)
		register(a, operation{id: "export" + o.name + "Book", tag: "Books", path: o.path + "/books/{friday}", maxBody: maxExportBodySize, workbook: true, failures: []string{"NotAccepted", "NoBook"}}, a.export)
		register(a, operation{id: "compare" + o.books + "Books", tag: "Audit", path: o.path + "/differences", authorize: service.Caller.MayAudit}, a.differences)
	}
	register(a, operation{id: "listAgents", tag: "Agencies", path: "/v1/agencies/{agency}/agents"}, a.agents)
	register(a, operation{id: "transferConsumers", tag: "Agencies", path: "/v1/agencies/{agency}/transfers", maxBody: maxBodySize, failures: writeFailures}, a.transfer)
	register(a, operation{id: "explainCase", tag: "Audit", path: "/v1/cases/{case}/explanation", authorize: service.Caller.MayAudit}, a.explanation)
	register(a, operation{id: "getDisclaimer", tag: "Books", path: "/v1/disclaimer", anyQuery: true}, a.disclaimer)
	register(a, operation{id: "listFridays", tag: "Ledger", path: "/v1/fridays", authorize: service.Caller.MaySeeLedger}, a.fridays)
	register(a, operation{id: "listRejected", tag: "Ledger", path: "/v1/rejected", authorize: service.Caller.MaySeeLedger}, a.rejected)
	register(a, operation{id: "listExports", tag: "Ledger", path: "/v1/exports", authorize: service.Caller.MaySeeLedger}, a.exports)
	register(a, operation{id: "getStatus", tag: "Ledger", path: "/v1/status", authorize: service.Caller.MaySeeLedger}, a.status)
}

// operation describes an operation of the API. Its method is POST if it has a body,
// and GET otherwise.
type operation struct {
	id, tag, path string
	maxBody       int64    // maximum body size in bytes; 0 if there is no body
	failures      []string // in addition to those of every operation
	// authorize runs before the rest of the request is read. It returns an error
	// if the caller may not know that the operation exists. If authorize is nil,
	// every signed-in person may.
	authorize  func(service.Caller) error
	blankQuery bool // a query parameter may be blank, which equals an absent one
	anyQuery   bool // the query is ignored
	workbook   bool // the response is a workbook
}

const (
	maxBodySize       = 1 << 20
	maxExportBodySize = 64 << 10
)

// writeFailures are the additional failures of operations that append events.
var writeFailures = []string{"Conflict", "Unsure"}

// register adds an operation to the API and documents it from its types. Huma does
// not validate the body: the service does, and it also records an export that
// was requested without an answer to the disclaimer.
func register[I, O any](a *API, o operation, f func(context.Context, service.Caller, *I) (*O, error)) {
	op := a.document.operation(o)
	op.SkipValidateBody, op.MaxBodyBytes = true, -1 // admit limits the body
	op.Middlewares = huma.Middlewares{a.admit(o)}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, ctx.Value(callerKey{}).(service.Caller), in)
		if err != nil {
			return nil, a.toProblem(ctx, op.Method+" "+op.Path, err)
		}
		return out, nil
	})
}

// toProblem returns the problem for an error. It logs server errors only.
func (a *API) toProblem(ctx context.Context, route string, err error) *problem.Problem {
	p := problem.From(err)
	switch {
	case ctx.Err() != nil && p.Type == problem.Internal.Type && errors.Is(err, context.Canceled):
		// The client has disconnected, but it may have closed only its sending side.
		// Without a response, it would assume success.
		p = problem.Unavailable.WithDetail("The connection was closed before the response was ready.")
	case p.Status >= http.StatusInternalServerError:
		a.Log.Error("request failed", zap.String("route", route), zap.Int("status", p.Status), zap.Error(errors.Unwrap(p)))
	}
	return p
}

// result is the response of an operation.
type result[T any] struct {
	Body encoded[T]
}

// encoded is a response body, encoded completely before the first byte is sent. In
// the document, it has the schema of T.
type encoded[T any] []byte

// Schema returns the schema of T.
func (encoded[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// MarshalJSON returns the encoded JSON.
func (e encoded[T]) MarshalJSON() ([]byte, error) { return e, nil }

// resultOf returns the encoded value, or err if it is not nil.
func resultOf[T any](v T, err error) (*result[T], error) {
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(v)
	return &result[T]{append(b, '\n')}, err
}

// OwnerPath is the agent or agency in a path. A path has one of the two.
type OwnerPath struct {
	Agent  string `path:"agent" required:"false" format:"Identifier" doc:"The agent's ID." example:"A100001"`
	Agency string `path:"agency" required:"false" format:"Identifier" doc:"The agency's ID." example:"G2000"`
}

func (o OwnerPath) owner() service.Owner { return service.Owner(o) }

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

// Options are what the API works with.
type Options struct {
	Service *service.Service
	// Caller tells who asks; problem.Unauthorized where nobody has signed in.
	Caller func(*http.Request) (service.Caller, error)
	Log    *zap.Logger
}

// API answers what is asked below /v1/. It is an http.Handler.
type API struct {
	Options
	http.Handler
	document *document
	huma     huma.API
}

// New returns the API. It fails where the document's texts, which are embedded,
// cannot be read.
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
			p := problem.Method.WithDetail("This path answers %s only.", strings.Replace(allowed, ", ", " and ", 1))
			p.Allow = allowed
			p.Write(w)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { problem.NotFound.WithCause(nil).Write(w) })
	d.finish()
	return a, nil
}

// Document is the API's OpenAPI description, and its operations in the order in
// which they are told of.
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
		register(a, operation{id: "take" + o.name + "Book", tag: "Books", path: o.path + "/books/{friday}", maxBody: maxExportBodySize, workbook: true, failures: []string{"NotAccepted", "NoBook"}}, a.export)
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

// operation is what the API does at a path: by POST where it reads a body, and
// by GET where it does not.
type operation struct {
	id, tag, path string
	maxBody       int64    // the largest, in bytes
	failures      []string // beyond those that the others have
	// may tells who may know that it is there, before anything of the request is
	// looked at; nil: whoever is known.
	authorize  func(service.Caller) error
	blankQuery bool // a parameter may be blank, which is as if it were not given
	anyQuery   bool // the query is not looked at
	workbook   bool // it answers with a workbook
}

const (
	maxBodySize       = 1 << 20
	maxExportBodySize = 64 << 10
)

// changing are the failures of what changes something.
var writeFailures = []string{"Conflict", "Unsure"}

// register adds an operation to the API, and to the document what its types say
// of it. The body is not validated against its schema: the service does that,
// and has it on record where a book was asked for without an answer.
func register[I, O any](a *API, o operation, f func(context.Context, service.Caller, *I) (*O, error)) {
	op := a.document.operation(o)
	op.SkipValidateBody, op.MaxBodyBytes = true, -1 // admit has read it
	op.Middlewares = huma.Middlewares{a.admit(o)}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, ctx.Value(callerKey{}).(service.Caller), in)
		if err != nil {
			return nil, a.toProblem(ctx, op.Method+" "+op.Path, err)
		}
		return out, nil
	})
}

// told is the problem that an error is to who asked. Only what is ours to mend
// is logged.
func (a *API) toProblem(ctx context.Context, route string, err error) *problem.Problem {
	p := problem.From(err)
	switch {
	case ctx.Err() != nil && p.Type == problem.Internal.Type && errors.Is(err, context.Canceled):
		// Who has gone reads no answer; but the connection may be closed by half,
		// and no answer at all would be taken for a success.
		p = problem.Unavailable.WithDetail("The connection was given up before the answer was there.")
	case p.Status >= http.StatusInternalServerError:
		a.Log.Error("a request failed", zap.String("route", route), zap.Int("status", p.Status), zap.Error(errors.Unwrap(p)))
	}
	return p
}

// result is what an operation answers with.
type result[T any] struct {
	Body encoded[T]
}

// encoded is JSON, made before anything of it is sent; the document has it as
// a T.
type encoded[T any] []byte

// Schema is that of a T.
func (encoded[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// MarshalJSON returns the JSON as it is.
func (e encoded[T]) MarshalJSON() ([]byte, error) { return e, nil }

// resultOf makes the result of a value, unless there is an error.
func resultOf[T any](v T, err error) (*result[T], error) {
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(v)
	return &result[T]{append(b, '\n')}, err
}

// OwnerPath says whose lists and books a path is about: an agent's or an agency's.
type OwnerPath struct {
	Agent  string `path:"agent" required:"false" format:"Identifier" doc:"The agent's id." example:"A100001"`
	Agency string `path:"agency" required:"false" format:"Identifier" doc:"The agency's id." example:"G2000"`
}

func (o OwnerPath) owner() service.Owner { return service.Owner(o) }

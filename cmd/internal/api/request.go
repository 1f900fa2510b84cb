package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bookledger/cmd/internal/problem"
)

// callerKey is the key under which a request's context holds who asks.
type callerKey struct{}

type humaContext = huma.Context

// request is a request that was let in, as huma reads and answers it.
type request struct {
	humaContext
	ctx   context.Context // holds the caller
	query url.Values
	body  []byte
}

func (r *request) Unwrap() huma.Context            { return r.humaContext }
func (r *request) Context() context.Context        { return r.ctx }
func (r *request) Query(name string) string        { return r.query.Get(name) }
func (r *request) BodyReader() io.Reader           { return bytes.NewReader(r.body) }
func (r *request) SetReadDeadline(time.Time) error { return nil } // it was read

// Header hides the types of content that are sent and wanted: all is JSON.
func (r *request) Header(name string) string {
	if name == "Accept" || name == "Content-Type" {
		return ""
	}
	return r.humaContext.Header(name)
}

// SetStatus answers 400 where huma has 422.
func (r *request) SetStatus(status int) {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	r.humaContext.SetStatus(status)
}

// admit lets in the requests of those who may know of an operation, if query
// and body are such as it has.
func (a *API) admit(o operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		in := &request{humaContext: ctx}
		c, err := a.Caller(r)
		if err == nil && o.authorize != nil {
			err = o.authorize(c)
		}
		if err == nil && !o.anyQuery {
			in.query, err = query(r, ctx.Operation(), o.blankQuery)
		}
		if err == nil && o.maxBody > 0 {
			in.body, err = body(w, r, o.maxBody, ctx.Operation().RequestBody.Required)
		}
		if err != nil {
			a.toProblem(r.Context(), r.Pattern, err).Write(w)
			return
		}
		in.ctx = context.WithValue(r.Context(), callerKey{}, c)
		next(in)
	}
}

// query reads the parameters of a URL's query: those that an operation has, each
// given once. A list names the one that is wrong, if it can be shown.
func query(r *http.Request, op *huma.Operation, list bool) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.Invalid.WithField("query", "The URL's query is not written as it should be: encode %% and ; in values.")
	}
	var known []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	for name, given := range values {
		field := "query"
		if list && filterName.MatchString(name) {
			field = name
		}
		switch {
		case len(known) == 0:
			return nil, problem.Invalid.WithField(field, "This request has no parameters.")
		case !slices.Contains(known, name):
			return nil, problem.Invalid.WithField(field, "There are the parameters %s, and no others. What names a consumer is searched for with POST.", strings.Join(known, ", "))
		case len(given) > 1:
			return nil, problem.Invalid.WithField(field, "A parameter was given more than once.")
		case given[0] == "" && !list:
			return nil, problem.Invalid.WithField(name, "It is blank; leave it out.")
		}
	}
	return values, nil
}

// What can be told back of the client's own words: the name of a parameter, and
// where something stands in a body.
var (
	filterName = regexp.MustCompile(`^[a-z_]{1,40}$`)
	memberName = regexp.MustCompile(`^[a-z_0-9/]{1,60}$`)
)

// body reads the body of a request, which may be left out unless it is required.
func body(w http.ResponseWriter, r *http.Request, limit int64, required bool) ([]byte, error) {
	if !required && r.ContentLength == 0 {
		return nil, nil
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, problem.MediaType.WithCause(err)
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, problem.TooLarge.WithDetail("The body is larger than %d KiB.", limit>>10)
	}
	if err != nil {
		return nil, problem.Invalid.WithDetail("The body could not be read whole.").WithCause(err)
	}
	return b, nil
}

// format reads bodies whose members are all that their type has, and writes
// answers. Huma keeps the text of an error alone, so the member that is wrong
// stands before it.
var jsonFormat = huma.Format{
	Unmarshal: func(b []byte, v any) error {
		if err := strict.Unmarshal(b, v, strict.RejectUnknownMembers(true)); err != nil {
			return bodyError(err)
		}
		return nil
	},
	Marshal: func(w io.Writer, v any) error {
		raw, ok := v.(json.Marshaler) // of an answer or a problem
		if !ok {
			return fmt.Errorf("a %T is no answer", v)
		}
		b, err := raw.MarshalJSON()
		_, _ = w.Write(b) // who has gone needs no answer
		return err
	},
}

// invalid tells what is wrong with a body, without its values.
func bodyError(err error) error {
	if semantic, ok := errors.AsType[*strict.SemanticError](err); ok {
		field := strings.TrimPrefix(string(semantic.JSONPointer), "/")
		if !memberName.MatchString(field) {
			field = "body" // it was the client's own word
		}
		if errors.Is(err, strict.ErrUnknownName) {
			return errors.New(field + ": There is no such member")
		}
		return errors.New(field + ": It is not of the type that it should be")
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("body: It is no JSON: it breaks off or is wrong at byte %d", syntactic.ByteOffset)
	}
	return errors.New("body: It is no JSON object as described")
}

// toldAsProblem makes what huma says of a request a problem: the first thing
// that is wrong, and the field as the client wrote it.
func humaProblem(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if len(m.Errors) == 0 {
		return problem.Invalid.WithField("body", "It is required."), nil
	}
	where, text := m.Errors[0].Location, m.Errors[0].Message
	if where == "body" {
		where, text, _ = strings.Cut(text, ": ")
	}
	_, field, ok := strings.Cut(where, ".") // query.page
	if !ok {
		field = where
	}
	return problem.Invalid.WithField(field, "%s", problem.Sentence(text)), nil
}

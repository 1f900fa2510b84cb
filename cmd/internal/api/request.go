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

// callerKey is the context key of the caller.
type callerKey struct{}

type humaContext = huma.Context

// request is an admitted request. It gives huma the query and the body that admit
// has already read.
type request struct {
	humaContext
	ctx   context.Context // contains the caller
	query url.Values
	body  []byte
}

func (r *request) Unwrap() huma.Context            { return r.humaContext }
func (r *request) Context() context.Context        { return r.ctx }
func (r *request) Query(name string) string        { return r.query.Get(name) }
func (r *request) BodyReader() io.Reader           { return bytes.NewReader(r.body) }
func (r *request) SetReadDeadline(time.Time) error { return nil } // the body was already read

// Header hides the content types from huma, because everything is JSON.
func (r *request) Header(name string) string {
	if name == "Accept" || name == "Content-Type" {
		return ""
	}
	return r.humaContext.Header(name)
}

// SetStatus replaces huma's status 422 with 400.
func (r *request) SetStatus(status int) {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	r.humaContext.SetStatus(status)
}

// admit returns a middleware that authenticates the caller, checks that the caller
// may know about the operation, and reads the query and the body.
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

// query parses the query of a URL. It rejects unknown and repeated parameters. Blank
// parameters are allowed only in lists. For a list, the problem names the invalid
// parameter if that name is safe to repeat.
func query(r *http.Request, op *huma.Operation, list bool) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.Invalid.WithField("query", "The URL has an invalid query. Percent-encode %% and ; in values.")
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
			return nil, problem.Invalid.WithField(field, "This operation has no query parameters.")
		case !slices.Contains(known, name):
			return nil, problem.Invalid.WithField(field, "Unknown parameter. This operation accepts %s. To search by name, phone or other personal data, use POST.", strings.Join(known, ", "))
		case len(given) > 1:
			return nil, problem.Invalid.WithField(field, "A parameter appears more than once.")
		case given[0] == "" && !list:
			return nil, problem.Invalid.WithField(name, "%s is blank. Omit it or give it a value.", name)
		}
	}
	return values, nil
}

// Names that are safe to repeat in a problem: those of parameters, and paths of
// members in a body.
var (
	filterName = regexp.MustCompile(`^[a-z_]{1,40}$`)
	memberName = regexp.MustCompile(`^[a-z_0-9/]{1,60}$`)
)

// body reads the body of a request. An absent body is an error only if required.
func body(w http.ResponseWriter, r *http.Request, limit int64, required bool) ([]byte, error) {
	if !required && r.ContentLength == 0 {
		return nil, nil
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, problem.MediaType.WithCause(err)
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, problem.TooLarge.WithDetail("The body must be at most %d KiB.", limit>>10)
	}
	if err != nil {
		return nil, problem.Invalid.WithDetail("The body is incomplete.").WithCause(err)
	}
	return b, nil
}

// jsonFormat decodes request bodies, rejecting unknown members, and encodes
// responses. Huma keeps only the text of an error, so the text starts with the
// name of the invalid member.
var jsonFormat = huma.Format{
	Unmarshal: func(b []byte, v any) error {
		if err := strict.Unmarshal(b, v, strict.RejectUnknownMembers(true)); err != nil {
			return bodyError(err)
		}
		return nil
	},
	Marshal: func(w io.Writer, v any) error {
		raw, ok := v.(json.Marshaler) // a response or a problem
		if !ok {
			return fmt.Errorf("cannot encode a %T as a response", v)
		}
		b, err := raw.MarshalJSON()
		_, _ = w.Write(b) // fails only if the client has disconnected
		return err
	},
}

// bodyError describes what is invalid in a body, without repeating its values.
func bodyError(err error) error {
	if semantic, ok := errors.AsType[*strict.SemanticError](err); ok {
		field := strings.TrimPrefix(string(semantic.JSONPointer), "/")
		if !memberName.MatchString(field) {
			field = "body" // the client chose this name
		}
		if errors.Is(err, strict.ErrUnknownName) {
			return errors.New(field + ": Unknown member")
		}
		return errors.New(field + ": Wrong type; see the API documentation")
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("body: Invalid JSON at byte %d", syntactic.ByteOffset)
	}
	return errors.New("body: Not a JSON object of the documented form")
}

// humaProblem converts a validation error of huma to a problem. The problem reports
// the first error, and the field by the name that the client used.
func humaProblem(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if len(m.Errors) == 0 {
		return problem.Invalid.WithField("body", "A body is required."), nil
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

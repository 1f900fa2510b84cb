package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bookledger/cmd/internal/problem"
)

const (
	maxBody       = 1 << 20
	maxExportBody = 64 << 10
)

// read reads the JSON body of a request into v, whose members are all that it
// may hold.
func read(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return problem.MediaType.Because(err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem.TooLarge.With("The body is larger than %d KiB.", limit>>10)
	}
	if err != nil {
		return problem.Invalid.With("The body could not be read whole.").Because(err)
	}
	if err := json.Unmarshal(body, v, json.RejectUnknownMembers(true)); err != nil {
		return invalid(err)
	}
	return nil
}

// readNothing reads the body of a request that needs none, but may have an
// empty object.
func readNothing(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	return read(w, r, maxBody, new(struct{}))
}

var plainName = regexp.MustCompile(`^[a-z_0-9/]{1,60}$`)

// invalid tells what is wrong with a body, without its values.
func invalid(err error) error {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		field := strings.TrimPrefix(string(semantic.JSONPointer), "/")
		if !plainName.MatchString(field) {
			field = "body" // it was the client's own word
		}
		if errors.Is(err, json.ErrUnknownName) {
			return problem.Invalid.In(field, "There is no such member.")
		}
		return problem.Invalid.In(field, "It is not of the type that it should be.")
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return problem.Invalid.In("body", "It is no JSON: it breaks off or is wrong at byte %d.", syntactic.ByteOffset)
	}
	return problem.Invalid.In("body", "It is no JSON object as described.")
}

// pages reads before and limit of a list that is read from its newest entry.
func pages(values parameters) (before uint64, limit int, err error) {
	if text, given := values["before"]; given {
		if before, err = strconv.ParseUint(text, 10, 64); err != nil || before == 0 {
			return 0, 0, problem.Invalid.In("before", "It is no sequence.")
		}
	}
	limit, err = values.number("limit", 100, 1000)
	return before, limit, err
}

// parameters are those of a URL's query, each of which is given once.
type parameters map[string]string

// known reads the parameters of a request, which may be these.
func known(r *http.Request, names ...string) (parameters, error) {
	values, err := query(r)
	if err != nil {
		return nil, err
	}
	all := parameters{}
	for name, given := range values {
		if !slices.Contains(names, name) {
			last := len(names) - 1
			return nil, problem.Invalid.In("query", "There are %s and %s, and nothing else.", strings.Join(names[:last], ", "), names[last])
		}
		if len(given) > 1 {
			return nil, problem.Invalid.In("query", "A parameter was given more than once.")
		}
		if given[0] == "" {
			return nil, problem.Invalid.In(name, "It is blank; leave it out.")
		}
		all[name] = given[0]
	}
	return all, nil
}

// number reads a parameter from 1 to largest; where it is not given it is
// otherwise.
func (p parameters) number(name string, otherwise, largest int) (int, error) {
	text, given := p[name]
	if !given {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > largest {
		return 0, problem.Invalid.In(name, "It is a number from 1 to %d.", largest)
	}
	return n, nil
}

// query reads the query of a URL.
func query(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.Invalid.In("query", "The URL's query is not written as it should be: encode %% and ; in values.")
	}
	return values, nil
}

// nothing refuses a query where none is known.
func nothing(r *http.Request) error {
	if r.URL.RawQuery != "" {
		return problem.Invalid.In("query", "This request has no parameters.")
	}
	return nil
}

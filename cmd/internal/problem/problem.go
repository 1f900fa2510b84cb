package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is an error that is told to who asked, as in RFC 9457.
type Problem struct {
	Type       string // stable; the URN's last part, like "not-found"
	Status     int    // of HTTP
	Title      string
	Detail     string // what was attempted and what to do
	Field      string // the part of the request that is wrong, where one is
	Code       string // the ledger's rejection code, where there is one
	RetryAfter time.Duration
	Allow      string // methods, with 405

	cause error
}

// Error tells the problem, for the log.
func (p *Problem) Error() string {
	if p.cause != nil {
		return fmt.Sprintf("%s: %v", p.Title, p.cause)
	}
	return p.Title + ": " + p.Detail
}

// Unwrap returns what caused the problem.
func (p *Problem) Unwrap() error { return p.cause }

// WithCause returns the problem with its cause, which is logged and not shown.
func (p Problem) WithCause(cause error) *Problem {
	p.cause = cause
	return &p
}

// WithRetryAfter returns the problem with the time after which to try again; 0 says none.
func (p Problem) WithRetryAfter(wait time.Duration) *Problem {
	p.RetryAfter = wait
	return &p
}

// WithDetail returns the problem with a detail of its own.
func (p Problem) WithDetail(format string, args ...any) *Problem {
	p.Detail = fmt.Sprintf(format, args...)
	return &p
}

// WithField returns the problem of a field of the request, with a detail.
func (p Problem) WithField(field, format string, args ...any) *Problem {
	p.Field = field
	return p.WithDetail(format, args...)
}

// The problems. Each is copied before it is told.
var (
	Unauthorized = Problem{Type: "unauthorized", Status: http.StatusUnauthorized, Title: "Sign in first",
		Detail: "The request has no valid session or bearer token."}
	Forbidden = Problem{Type: "forbidden", Status: http.StatusForbidden, Title: "Not permitted",
		Detail: "Your role does not permit this."}
	NotAccepted = Problem{Type: "not-accepted", Status: http.StatusForbidden, Title: "The disclaimer was not accepted",
		Detail: "Accept the current version of the disclaimer to download the book."}
	NotFound = Problem{Type: "not-found", Status: http.StatusNotFound, Title: "Not found",
		Detail: "There is nothing here that is open to you."}
	NoBook = Problem{Type: "no-book", Status: http.StatusNotFound, Title: "There is no such book"}
	Method = Problem{Type: "method", Status: http.StatusMethodNotAllowed, Title: "Method not allowed"}

	Conflict  = Problem{Type: "conflict", Status: http.StatusConflict, Title: "It cannot be done as things are"}
	TooLarge  = Problem{Type: "too-large", Status: http.StatusRequestEntityTooLarge, Title: "The request is too large"}
	MediaType = Problem{Type: "media-type", Status: http.StatusUnsupportedMediaType, Title: "Unsupported content type",
		Detail: "Send the body as application/json."}
	Invalid = Problem{Type: "invalid", Status: http.StatusBadRequest, Title: "The request is not as it should be"}
	TooMany = Problem{Type: "too-many", Status: http.StatusTooManyRequests, Title: "Too many requests",
		Detail: "Wait a little, and then try again.", RetryAfter: 5 * time.Second}
	Unavailable = Problem{Type: "unavailable", Status: http.StatusServiceUnavailable, Title: "Not available for the moment",
		Detail: "The ledger's journal cannot be reached. Nothing was changed; try again in a little while.", RetryAfter: 10 * time.Second}
	OutcomeUnknown = Problem{Type: "unsure", Status: http.StatusServiceUnavailable, Title: "Not known whether it was done",
		Detail: "The ledger's journal did not answer in time. Look at the list again before you repeat it.", RetryAfter: 10 * time.Second}
	Internal = Problem{Type: "internal", Status: http.StatusInternalServerError, Title: "Something went wrong",
		Detail: "It was noted. Try again, and tell the operator if it stays."}
)

// From returns the problem that err is; any other error is Internal.
func From(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return Internal.WithCause(err)
}

// URN is the problem's type as it is published.
func (p *Problem) URN() string { return "urn:bookledger:problem:" + p.Type }

// Body is a problem as it is written.
type Body struct {
	Type   string `json:"type" pattern:"^urn:bookledger:problem:[a-z-]+$" doc:"What kind of problem it is; stable."`
	Title  string `json:"title" doc:"The kind of problem in words."`
	Status int    `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status."`
	Detail string `json:"detail" doc:"What was attempted, and what to do."`
	Field  string `json:"field,omitzero" doc:"The part of the request that is wrong, where one is."`
	Code   string `json:"code,omitzero" format:"RejectionCode" doc:"The ledger's rejection code, where it has one."`
}

// Header sets what a problem says in the header of an answer, as JSON or page.
func (p *Problem) Header(h http.Header) {
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)))
	}
	if p.Allow != "" {
		h.Set("Allow", p.Allow)
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="bookledger"`)
	}
}

// Write answers with the problem as application/problem+json.
func (p *Problem) Write(w http.ResponseWriter) {
	p.Header(w.Header())
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // who has gone needs no answer
}

const contentType = "application/problem+json"

// MarshalJSON writes the problem as a Body.
func (p *Problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(Body{p.URN(), p.Title, p.Status, p.Detail, p.Field, p.Code})
}

// GetStatus, GetHeaders and ContentType are how huma answers with an error.
func (p *Problem) GetStatus() int { return p.Status }

func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	p.Header(h)
	return h
}

func (p *Problem) ContentType(string) string { return contentType }

// Sentence makes a sentence of a text that begins with a small letter and ends
// without a full stop.
func Sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

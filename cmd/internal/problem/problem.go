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

// Problem is an error that the caller may see, as in RFC 9457.
type Problem struct {
	Type       string // the last part of the type's URN, such as "not-found"; stable
	Status     int    // the HTTP status
	Title      string // the kind of problem
	Detail     string // what failed and what to do next, in full sentences
	Field      string // the invalid part of the request, or ""
	Code       string // the ledger's rejection code, or ""
	RetryAfter time.Duration
	Allow      string // the allowed methods, for status 405

	cause error
}

// Error returns the title with the cause, or with the detail if there is no
// cause. It is meant for logs.
func (p *Problem) Error() string {
	if p.cause != nil {
		return fmt.Sprintf("%s: %v", p.Title, p.cause)
	}
	return p.Title + ": " + p.Detail
}

// Unwrap returns the cause of the problem, or nil.
func (p *Problem) Unwrap() error { return p.cause }

// WithCause returns a copy of the problem with a cause. The cause is logged and
// never shown.
func (p Problem) WithCause(cause error) *Problem {
	p.cause = cause
	return &p
}

// WithRetryAfter returns a copy of the problem with the time to wait before the
// next attempt. Zero removes the time.
func (p Problem) WithRetryAfter(wait time.Duration) *Problem {
	p.RetryAfter = wait
	return &p
}

// WithDetail returns a copy of the problem with another detail.
func (p Problem) WithDetail(format string, args ...any) *Problem {
	p.Detail = fmt.Sprintf(format, args...)
	return &p
}

// WithField returns a copy of the problem that names an invalid field of the
// request. The detail should name the field too, because a page shows only the
// detail.
func (p Problem) WithField(field, format string, args ...any) *Problem {
	p.Field = field
	return p.WithDetail(format, args...)
}

// The problems. Copy one with a With method before changing it.
var (
	Unauthorized = Problem{Type: "unauthorized", Status: http.StatusUnauthorized, Title: "Sign in required",
		Detail: "The request has no valid session or bearer token."}
	Forbidden = Problem{Type: "forbidden", Status: http.StatusForbidden, Title: "Not permitted",
		Detail: "Your role does not permit this."}
	NotAccepted = Problem{Type: "not-accepted", Status: http.StatusForbidden, Title: "Disclaimer not accepted",
		Detail: "Accept the current version of the disclaimer to download the book."}
	NotFound = Problem{Type: "not-found", Status: http.StatusNotFound, Title: "Not found",
		Detail: "There is nothing at this address, or you don't have access."}
	NoBook = Problem{Type: "no-book", Status: http.StatusNotFound, Title: "Book not available"}
	Method = Problem{Type: "method", Status: http.StatusMethodNotAllowed, Title: "Method not allowed"}

	Conflict  = Problem{Type: "conflict", Status: http.StatusConflict, Title: "Not possible now"}
	TooLarge  = Problem{Type: "too-large", Status: http.StatusRequestEntityTooLarge, Title: "Request too large"}
	MediaType = Problem{Type: "media-type", Status: http.StatusUnsupportedMediaType, Title: "Unsupported content type",
		Detail: "Send the body as application/json."}
	Invalid = Problem{Type: "invalid", Status: http.StatusBadRequest, Title: "Invalid request"}
	TooMany = Problem{Type: "too-many", Status: http.StatusTooManyRequests, Title: "Too many requests",
		Detail: "Wait a few seconds, then try again.", RetryAfter: 5 * time.Second}
	Unavailable = Problem{Type: "unavailable", Status: http.StatusServiceUnavailable, Title: "Temporarily unavailable",
		Detail: "The ledger's journal can't be reached. Nothing was changed. Try again shortly.", RetryAfter: 10 * time.Second}
	OutcomeUnknown = Problem{Type: "unsure", Status: http.StatusServiceUnavailable, Title: "Result unknown",
		Detail: "The ledger's journal did not answer in time. Check the list before you repeat the action.", RetryAfter: 10 * time.Second}
	Internal = Problem{Type: "internal", Status: http.StatusInternalServerError, Title: "Something went wrong",
		Detail: "The error was logged. Try again. If it happens again, contact the operator."}
)

// From returns the problem in err's chain, or Internal with err as its cause.
func From(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return Internal.WithCause(err)
}

// URN returns the published type of the problem.
func (p *Problem) URN() string { return "urn:bookledger:problem:" + p.Type }

// Body is the JSON form of a problem.
type Body struct {
	Type   string `json:"type" pattern:"^urn:bookledger:problem:[a-z-]+$" doc:"The kind of problem. Stable."`
	Title  string `json:"title" doc:"The kind of problem in words. May change."`
	Status int    `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status."`
	Detail string `json:"detail" doc:"What failed and what to do next. May change."`
	Field  string `json:"field,omitzero" doc:"The invalid part of the request, if there is one."`
	Code   string `json:"code,omitzero" format:"RejectionCode" doc:"The ledger's rejection code, if there is one."`
}

// Header sets the response headers of the problem. Pages and the API use the
// same headers.
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

// Write writes the problem as an application/problem+json response.
func (p *Problem) Write(w http.ResponseWriter) {
	p.Header(w.Header())
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // fails only if the client has disconnected
}

const contentType = "application/problem+json"

// MarshalJSON encodes the problem as a [Body].
func (p *Problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(Body{p.URN(), p.Title, p.Status, p.Detail, p.Field, p.Code})
}

// GetStatus returns the HTTP status. It implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the response headers. It implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	p.Header(h)
	return h
}

// ContentType returns the content type of a problem. It implements
// huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return contentType }

// Sentence returns s with its first letter in upper case and one full stop at
// its end. The first character must be ASCII.
func Sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

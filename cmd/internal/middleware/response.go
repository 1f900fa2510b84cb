package middleware

import (
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/problem"
)

// responseWriter is an http.ResponseWriter that sets headers and records the status and
// size of the response. It works with http.ResponseController.
type responseWriter struct {
	http.ResponseWriter
	headers [][2]string
	status  int   // 0 until something is written
	bytes   int64 // of the body
}

// Unwrap returns the wrapped writer for http.ResponseController.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// addHeaders sets the headers that are missing.
func (w *responseWriter) addHeaders() {
	for _, h := range w.headers {
		if len(w.Header().Values(h[0])) == 0 {
			w.Header().Set(h[0], h[1])
		}
	}
}

// WriteHeader adds the headers again, because some of net/http's own error responses
// remove headers.
func (w *responseWriter) WriteHeader(status int) {
	interim := status >= 100 && status < 200 && status != http.StatusSwitchingProtocols
	if w.status == 0 && !interim {
		w.status = status
		w.addHeaders()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.writeHeaderOnce()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// FlushError flushes for http.ResponseController.
func (w *responseWriter) FlushError() error {
	w.writeHeaderOnce()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// writeHeaderOnce sends the header with status 200 if none was sent.
func (w *responseWriter) writeHeaderOnce() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
}

// recoverPanic serves a request and responds to a panic. If part of the response was
// sent already, it closes the connection, so that no client takes half a file for a
// whole one.
func (g *Stack) recoverPanic(next http.Handler, w *responseWriter, r *http.Request) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if value == http.ErrAbortHandler {
			panic(value)
		}
		// Do not log the value: it may contain personal data. The stack is
		// logged without arguments for the same reason.
		g.options.Log.Error("a request handler panicked", zap.Stack("stack"))
		if w.status != 0 {
			panic(http.ErrAbortHandler)
		}
		clear(w.Header()) // headers may contain personal data too
		w.addHeaders()
		problem.Internal.WithDetail("Something went wrong on our side. Try again. If it happens again, tell the service center when it happened.").Write(w)
	}()
	next.ServeHTTP(w, r)
	if w.status == 0 {
		w.status = http.StatusOK // the server sends this status now
		w.addHeaders()
	}
}

// knownMethods are the methods that the log names. Any other method could be any text.
var knownMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

func (g *Stack) logRequest(r *http.Request, info *requestInfo, w *responseWriter, took time.Duration) {
	method, pattern := r.Method, info.pattern
	if !slices.Contains(knownMethods, method) {
		method = "other"
	}
	if pattern == "" {
		pattern = r.Pattern
	}
	g.options.Log.Debug("request", zap.String("method", method), zap.String("route", pattern),
		zap.Int("status", w.status), zap.Int64("bytes", w.bytes), zap.Duration("took", took))
}

// RecordRoute wraps a ServeMux directly and records the matched route for the request
// log. It is needed if a handler between the middleware and the ServeMux passes on a copy
// of the request.
func RecordRoute(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { requestInfoOf(r.Context()).pattern = r.Pattern }()
		mux.ServeHTTP(w, r)
	})
}

package middleware

import (
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"bookledger/cmd/internal/problem"
)

// responseWriter is a ResponseWriter that knows what was written. It works with
// http.ResponseController.
type responseWriter struct {
	http.ResponseWriter
	headers [][2]string
	status  int // 0: nothing was written
	bytes   int64
}

// Unwrap is for http.ResponseController.
func (a *responseWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// addHeaders adds the headers that are missing.
func (a *responseWriter) addHeaders() {
	for _, h := range a.headers {
		if len(a.Header().Values(h[0])) == 0 {
			a.Header().Set(h[0], h[1])
		}
	}
}

// WriteHeader dresses the answer again, since some of net/http's own error
// answers take headers away.
func (a *responseWriter) WriteHeader(status int) {
	interim := status >= 100 && status < 200 && status != http.StatusSwitchingProtocols
	if a.status == 0 && !interim {
		a.status = status
		a.addHeaders()
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *responseWriter) Write(p []byte) (int, error) {
	a.writeHeaderOnce()
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// FlushError is what http.ResponseController flushes by.
func (a *responseWriter) FlushError() error {
	a.writeHeaderOnce()
	return http.NewResponseController(a.ResponseWriter).Flush()
}

func (a *responseWriter) writeHeaderOnce() {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
}

// recoverPanic serves a request and answers a panic. An answer that had begun is
// broken off, so that nobody takes half a file for a whole one.
func (g *Stack) recoverPanic(next http.Handler, w *responseWriter, r *http.Request) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if value == http.ErrAbortHandler {
			panic(value)
		}
		// The value may hold anything that the handler knew. The stack has no
		// arguments, which may be personal data too.
		g.options.Log.Error("a request handler panicked", zap.Stack("stack"))
		if w.status != 0 {
			panic(http.ErrAbortHandler)
		}
		clear(w.Header()) // which may say anything too
		w.addHeaders()
		problem.Internal.WithDetail("The request could not be answered, through no fault of yours. Try again; if it happens again, tell the service center when it did.").Write(w)
	}()
	next.ServeHTTP(w, r)
	if w.status == 0 {
		w.status = http.StatusOK // as the server answers now
		w.addHeaders()
	}
}

// knownMethods are those that the log names; others could be any text.
var knownMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace,
}

func (g *Stack) logRequest(r *http.Request, passing *requestInfo, w *responseWriter, took time.Duration) {
	method, pattern := r.Method, passing.pattern
	if !slices.Contains(knownMethods, method) {
		method = "other"
	}
	if pattern == "" {
		pattern = r.Pattern
	}
	g.options.Log.Debug("request", zap.String("method", method), zap.String("route", pattern),
		zap.Int("status", w.status), zap.Int64("bytes", w.bytes), zap.Duration("took", took))
}

// RecordRoute stands directly around a ServeMux and tells the request log which
// route was taken, where a handler in between passes a copy of the request on.
func RecordRoute(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { requestInfoOf(r.Context()).pattern = r.Pattern }()
		mux.ServeHTTP(w, r)
	})
}

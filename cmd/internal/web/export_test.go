package web

import "bookledger/cmd/internal/exportlimit"

// Limiter returns the export limiter, so that tests can fill the queue.
func (w *Web) Limiter() *exportlimit.Limiter { return w.limiter }

package web

import "bookledger/cmd/internal/exportlimit"

// Limiter lets tests have books wait.
func (w *Web) Limiter() *exportlimit.Limiter { return w.limiter }

package web

import "bookledger/cmd/internal/exports"

// Queue lets tests have books wait.
func (w *Web) Queue() *exports.Queue { return w.queue }

// Package delivery sends finished books over HTTP: the wait for one, which may be
// longer than the server's usual limits, and then the file.
//
// It guarantees that nobody takes a part of a book for the whole. Who may have
// the book, and what a refusal looks like, is left to the portal and the API.
package delivery

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"bookledger/cmd/internal/service"
)

// ContentType is that of a workbook.
const ContentType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

const (
	// deliverTime is how long the delivery of a book may take.
	deliveryTimeout = 10 * time.Minute
	// answerTime is how long the answer may take where the wait was in vain.
	answerTimeout = time.Minute
)

// WaitContext returns a context for a request that may wait so long for its book.
// It ends when the client goes away, which the server sees once the body is
// read. The answer may come after the server's usual limit.
func WaitContext(w http.ResponseWriter, r *http.Request, wait time.Duration) (context.Context, context.CancelFunc, error) {
	if err := extendWriteDeadline(w, wait+answerTimeout); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	return ctx, cancel, nil
}

func extendWriteDeadline(w http.ResponseWriter, d time.Duration) error {
	err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("allowing for the time that a book takes: %w", err)
	}
	return nil
}

// Deliver sends a book. Where that breaks off the connection ends, so that
// nobody takes a part for the whole, and Deliver does not return.
func Deliver(w http.ResponseWriter, r *http.Request, book *service.ExportedBook) error {
	sum, err := hex.DecodeString(book.SHA256)
	if err != nil {
		return fmt.Errorf("reading the hash of a finished book: %w", err)
	}
	if err := extendWriteDeadline(w, deliveryTimeout); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", book.Name))
	h.Set("Content-Length", strconv.FormatInt(book.Bytes, 10))
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	n, err := io.Copy(w, book)
	if err != nil || n != book.Bytes || context.Cause(r.Context()) != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

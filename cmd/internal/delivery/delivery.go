// Package delivery sends finished books over HTTP. It extends the server's time
// limits for the wait and for the download.
//
// A client never mistakes a part of a book for the whole: if sending fails, the
// connection is aborted. Access and error responses are left to the portal and the
// API.
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

// ContentType is the media type of a workbook.
const ContentType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

const (
	// deliveryTimeout limits the download of a book.
	deliveryTimeout = 10 * time.Minute
	// answerTimeout limits the response after a wait without a book.
	answerTimeout = time.Minute
)

// WaitContext returns the context of a request that may wait the given time for its
// book, and extends the server's write deadline accordingly. The context ends when
// the client disconnects. The server notices that only after the body was read.
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
		return fmt.Errorf("extending the write deadline for a book: %w", err)
	}
	return nil
}

// Deliver sends a book. If sending fails, Deliver panics with
// [http.ErrAbortHandler], which aborts the connection, so that the client does not
// mistake a part for the whole book.
func Deliver(w http.ResponseWriter, r *http.Request, book *service.ExportedBook) error {
	sum, err := hex.DecodeString(book.SHA256)
	if err != nil {
		return fmt.Errorf("decoding the SHA-256 of a book: %w", err)
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

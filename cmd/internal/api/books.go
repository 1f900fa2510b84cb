package api

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

	"bookledger/cmd/internal/exports"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// ContentType is that of a workbook.
const ContentType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

const (
	// queueTime is how long a request waits for its book.
	queueTime = 45 * time.Second
	// deliverTime is how long the delivery of a book may take.
	deliverTime = 10 * time.Minute
)

func disclaimer(w http.ResponseWriter, _ *http.Request, _ service.Caller) error {
	return write(w, struct {
		Version string `json:"version"`
		Text    string `json:"text"`
	}{service.DisclaimerVersion, service.DisclaimerText})
}

func (a *API) books(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	part, err := shelved(r)
	if err != nil {
		return err
	}
	shelf, err := a.Service.Books(r.Context(), c, owner(r), part)
	if err != nil {
		return err
	}
	return write(w, shelf)
}

// shelved reads which part of a shelf is wanted.
func shelved(r *http.Request) (part service.Shelved, err error) {
	values, err := query(r)
	if err != nil {
		return part, err
	}
	for name, all := range values {
		if name != "before" || len(all) > 1 {
			return part, problem.Invalid.In("query", "There is before, a Friday, and nothing else.")
		}
		if part.Before, err = events.ParseDate(all[0]); err != nil {
			return part, problem.Invalid.In("before", "It is no date like 2026-11-20.")
		}
	}
	return part, nil
}

// export answers with a book, once the disclaimer was accepted.
func (a *API) export(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	var body struct {
		Disclaimer string `json:"disclaimer"`
		Accepted   *bool  `json:"accepted"`
	}
	if err := nothing(r); err != nil {
		return err
	}
	if err := read(w, r, maxExportBody, &body); err != nil {
		return err
	}
	ticket, err := a.Service.Export(r.Context(), c, owner(r), r.PathValue("friday"), service.Answer{Disclaimer: body.Disclaimer, Accepted: body.Accepted})
	if err != nil {
		return err
	}
	if ticket == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	defer ticket.Release()
	timer := time.NewTimer(queueTime)
	defer timer.Stop()
	select {
	case <-ticket.Done():
	case <-r.Context().Done():
		return r.Context().Err()
	case <-timer.C:
		p := problem.Unavailable.With("Many books are being made and this one was not among them in time. Try again in a minute.")
		p.RetryAfter = time.Minute
		return p
	}
	if err := a.Service.Deliverable(r.Context(), c, ticket.For().(service.Wanted)); err != nil {
		return err
	}
	return a.deliver(w, r, ticket)
}

func (a *API) deliver(w http.ResponseWriter, r *http.Request, ticket *exports.Ticket) error {
	file, made, err := ticket.Open()
	if err != nil {
		return a.Service.Failed(err)
	}
	defer file.Close()
	return Deliver(w, r, file, made)
}

// Deliver sends a finished workbook. Where that breaks off the connection ends,
// so that nobody takes a part for the whole, and Deliver does not return.
func Deliver(w http.ResponseWriter, r *http.Request, file io.Reader, made exports.Made) error {
	sum, err := hex.DecodeString(made.SHA256)
	if err != nil {
		return fmt.Errorf("reading the hash of a finished book: %w", err)
	}
	// The server's usual limit is for short answers.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(deliverTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("allowing for the delivery of a book: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", made.Name))
	h.Set("Content-Length", strconv.FormatInt(made.Bytes, 10))
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	n, err := io.Copy(w, file)
	if r.Method != http.MethodHead && (err != nil || n != made.Bytes || context.Cause(r.Context()) != nil) {
		panic(http.ErrAbortHandler)
	}
	return nil
}

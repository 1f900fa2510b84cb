package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"bookledger/cmd/internal/delivery"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// Disclaimer is the text that a person must accept to download a book.
type Disclaimer struct {
	Version string `json:"version" doc:"The version of the text."`
	Text    string `json:"text" doc:"The text to show to the person who downloads the book."`
}

func (a *API) disclaimer(context.Context, service.Caller, *struct{}) (*result[Disclaimer], error) {
	return resultOf(Disclaimer{service.DisclaimerVersion, service.DisclaimerText}, nil)
}

// maxBooks is the most books in one response.
const maxBooks = 60

// The struct around Date makes huma parse it as text. Huma would parse a plain Date
// as an integer, its underlying type.
func (a *API) books(ctx context.Context, c service.Caller, in *struct {
	OwnerPath
	Before struct{ events.Date } `query:"before" format:"date" doc:"Return only books of Fridays before this date." example:"2026-11-20"`
}) (*result[*service.BookList], error) {
	return resultOf(a.Service.Books(ctx, c, in.owner(), in.Before.Date, maxBooks))
}

// maxWait limits the time that a request waits for its book.
const maxWait = 45 * time.Second

type exportInput struct {
	OwnerPath
	Friday string `path:"friday" format:"FridayOrLatest" doc:"The Friday of the book, or \x60latest\x60 for the most recent one." example:"2026-11-20"`
	Body   service.DisclaimerAnswer
}

// export sends a book if the disclaimer was accepted. It streams the book, which
// huma's own encoding cannot do.
func (a *API) export(_ context.Context, c service.Caller, in *exportInput) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		if err := a.exportBook(w, r, c, in); err != nil {
			a.toProblem(r.Context(), r.Pattern, err).Write(w)
		}
	}}, nil
}

// notAcceptedProblem tells a program how to accept the disclaimer.
var notAcceptedProblem = problem.NotAccepted.WithDetail(`%s Send {"disclaimer":"%s","accepted":true}.`, problem.NotAccepted.Detail, service.DisclaimerVersion)

func (a *API) exportBook(w http.ResponseWriter, r *http.Request, c service.Caller, in *exportInput) error {
	ctx, cancel, err := delivery.WaitContext(w, r, maxWait)
	if err != nil {
		return err
	}
	defer cancel()
	book, err := a.Service.Export(ctx, c, in.owner(), in.Friday, in.Body)
	if err != nil && problem.From(err).Type == notAcceptedProblem.Type {
		return notAcceptedProblem.WithCause(err)
	}
	if err != nil {
		return err
	}
	if book == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	defer book.Close()
	return delivery.Deliver(w, r, book)
}

package api

import (
	"context"

	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// Disclaimer is what is to be accepted before a book leaves.
type Disclaimer struct {
	Version string `json:"version" doc:"Its version."`
	Text    string `json:"text" doc:"Its text, to be shown to the person who takes the book."`
}

func (a *API) disclaimer(context.Context, service.Caller, *struct{}) (*result[Disclaimer], error) {
	return resultOf(Disclaimer{service.DisclaimerVersion, service.DisclaimerText}, nil)
}

// maxBooks is how many books are told of at once.
const maxBooks = 60

// Huma would read a plain Date as the number that it is.
func (a *API) books(ctx context.Context, c service.Caller, in *struct {
	Owned
	Before struct{ events.Date } `query:"before" format:"date" doc:"Only the books of Fridays before this day." example:"2026-11-20"`
}) (*result[*service.BookList], error) {
	return resultOf(a.Service.Books(ctx, c, in.owner(), in.Before.Date, maxBooks))
}

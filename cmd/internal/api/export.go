package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"bookledger/cmd/internal/service"
)

// maxWait is how long a request waits for its book.
const maxWait = 45 * time.Second

// Answer is the answer to the disclaimer. Without Accepted nothing was answered,
// which is on record as a refusal.
type Answer struct {
	Disclaimer string `json:"disclaimer,omitzero" maxLength:"20" doc:"The version of the disclaimer that was shown; needed for a yes."`
	Accepted   *bool  `json:"accepted" doc:"True for a yes, false for a no."`
}

type exportInput struct {
	Owned
	Friday string `path:"friday" format:"FridayOrLatest" doc:"The Friday of the book, or \x60latest\x60 for that of the last cutoff." example:"2026-11-20"`
	Body   Answer
}

// export answers with a book, once the disclaimer was accepted. The book is a
// stream, and so beyond what huma writes.
func (a *API) export(_ context.Context, c service.Caller, in *exportInput) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		if err := a.takeBook(w, r, c, in); err != nil {
			a.told(r.Context(), r.Pattern, err).Write(w)
		}
	}}, nil
}

func (a *API) takeBook(w http.ResponseWriter, r *http.Request, c service.Caller, in *exportInput) error {
	ctx, cancel, err := Patience(w, r, maxWait)
	if err != nil {
		return err
	}
	defer cancel()
	book, err := a.Service.Export(ctx, c, in.owner(), in.Friday, service.Answer{Disclaimer: in.Body.Disclaimer, Accepted: in.Body.Accepted})
	if err != nil {
		return err
	}
	if book == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	defer book.Close()
	return Deliver(w, r, book)
}

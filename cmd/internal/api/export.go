package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"bookledger/cmd/internal/delivery"
	"bookledger/cmd/internal/service"
)

// maxWait is how long a request waits for its book.
const maxWait = 45 * time.Second

type exportInput struct {
	Owned
	Friday string `path:"friday" format:"FridayOrLatest" doc:"The Friday of the book, or \x60latest\x60 for that of the last cutoff." example:"2026-11-20"`
	Body   service.Answer
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
	ctx, cancel, err := delivery.Patience(w, r, maxWait)
	if err != nil {
		return err
	}
	defer cancel()
	book, err := a.Service.Export(ctx, c, in.owner(), in.Friday, in.Body)
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

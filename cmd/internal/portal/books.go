package portal

import (
	"net/http"
	"time"

	"bookledger/cmd/internal/delivery"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// booksPage is the data of the page that lists an owner's books.
type booksPage struct {
	About   about
	List    *service.BookList
	Older   string // URL path of older books, "" if there are none
	Message *message
}

func (p *Portal) books(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	var before events.Date
	if text := r.URL.Query().Get("before"); text != "" {
		var err error
		if before, err = events.ParseDate(text); err != nil {
			return problem.Invalid.WithField("before", "before must be a date like 2026-11-20.")
		}
	}
	list, err := p.Service.Books(r.Context(), c, a.Owner, before, booksRows)
	if err != nil {
		return err
	}
	page := booksPage{About: a, List: list, Message: p.takeMessage(r)}
	if n := len(list.Books); n == booksRows {
		page.Older = withQuery(r, "before", list.Books[n-1].Friday)
	}
	return p.render(w, r, http.StatusOK, "books", "Books", page)
}

// booksRows is the number of books on a page.
const booksRows = 26

// disclaimerPage is the data of the page that shows the disclaimer.
type disclaimerPage struct {
	About   about
	Book    *service.AvailableBook
	Text    string
	Version string
	From    string // the page to return to after No: "active" or "books"
}

func (p *Portal) disclaimer(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	book, err := p.Service.Book(r.Context(), c, a.Owner, r.PathValue("friday"))
	if err != nil {
		return err
	}
	page := disclaimerPage{a, book, service.DisclaimerText, service.DisclaimerVersion, exportOrigin(r.URL.Query().Get("from"))}
	return p.render(w, r, http.StatusOK, "disclaimer", "Disclaimer", page)
}

// exportOrigin returns the page from which an export was started: "active" or
// "books".
func exportOrigin(name string) string {
	if name == string(service.Active) {
		return name
	}
	return "books"
}

// maxWait is how long a download waits for the book.
const maxWait = 5 * time.Minute

// export records the answer to the disclaimer and, after a yes, sends the book.
func (p *Portal) export(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	ctx, cancel, err := delivery.WaitContext(w, r, maxWait)
	if err != nil {
		return err
	}
	defer cancel()
	book, err := p.Service.Export(ctx, c, owner(r), r.PathValue("friday"), disclaimerAnswer(r))
	if err != nil {
		return err
	}
	if book == nil {
		p.setMessage(r, message{Text: "Nothing was downloaded. Your answer, No, was recorded."})
		return redirect(w, r, basePath(owner(r))+"/"+exportOrigin(r.PostForm.Get("from")))
	}
	defer book.Close()
	return delivery.Deliver(w, r, book)
}

// disclaimerAnswer reads the answer to the disclaimer from a form.
func disclaimerAnswer(r *http.Request) service.DisclaimerAnswer {
	a := service.DisclaimerAnswer{Disclaimer: r.PostForm.Get("disclaimer")}
	if answer := r.PostForm.Get("answer"); answer == "yes" || answer == "no" {
		accepted := answer == "yes"
		a.Accepted = &accepted
	}
	return a
}

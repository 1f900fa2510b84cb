package portal

import (
	"net/http"
	"time"

	"bookledger/cmd/internal/delivery"
	"bookledger/cmd/internal/problem"
	"bookledger/cmd/internal/service"
	"bookledger/events"
)

// booksPage lists an owner's books.
type booksPage struct {
	About   about
	List    *service.BookList
	Older   string // where older ones are, "" where there are none
	Message *message
}

func (p *Portal) books(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	var before events.Date
	if text := r.URL.Query().Get("before"); text != "" {
		var err error
		if before, err = events.ParseDate(text); err != nil {
			return problem.Invalid.WithField("before", "It is no date like 2026-11-20.")
		}
	}
	list, err := p.Service.Books(r.Context(), c, a.Owner, before, booksRows)
	if err != nil {
		return err
	}
	page := booksPage{About: a, List: list, Message: p.said(r)}
	if n := len(list.Books); n == booksRows {
		page.Older = with(r, "before", list.Books[n-1].Friday)
	}
	return p.render(w, r, http.StatusOK, "books", "Books", page)
}

// booksRows is how many books a page has.
const booksRows = 26

// disclaimerPage asks whether a book is to be downloaded.
type disclaimerPage struct {
	About   about
	Book    *service.AvailableBook
	Text    string
	Version string
	From    string // the page to which No leads back: "active" or "books"
}

func (p *Portal) disclaimer(w http.ResponseWriter, r *http.Request, c service.Caller, a about) error {
	offer, err := p.Service.Book(r.Context(), c, a.Owner, r.PathValue("friday"))
	if err != nil {
		return err
	}
	page := disclaimerPage{a, offer, service.DisclaimerText, service.DisclaimerVersion, from(r.URL.Query().Get("from"))}
	return p.render(w, r, http.StatusOK, "disclaimer", "Disclaimer", page)
}

// from is the page from which an export was begun.
func from(name string) string {
	if name == string(service.Active) {
		return name
	}
	return "books"
}

// maxWait is how long Yes waits for the book.
const maxWait = 5 * time.Minute

// export takes the answer to the disclaimer.
func (p *Portal) export(w http.ResponseWriter, r *http.Request, c service.Caller) error {
	ctx, cancel, err := delivery.WaitContext(w, r, maxWait)
	if err != nil {
		return err
	}
	defer cancel()
	book, err := p.Service.Export(ctx, c, owner(r), r.PathValue("friday"), answer(r))
	if err != nil {
		return err
	}
	if book == nil {
		p.say(r, message{Text: "Nothing was downloaded. Your answer No was recorded."})
		return redirect(w, r, basePath(owner(r))+"/"+from(r.PostForm.Get("from")))
	}
	defer book.Close()
	return delivery.Deliver(w, r, book)
}

// answer is what was answered to the disclaimer, where that was yes or no.
func answer(r *http.Request) service.DisclaimerAnswer {
	a := service.DisclaimerAnswer{Disclaimer: r.PostForm.Get("disclaimer")}
	if said := r.PostForm.Get("answer"); said == "yes" || said == "no" {
		yes := said == "yes"
		a.Accepted = &yes
	}
	return a
}
